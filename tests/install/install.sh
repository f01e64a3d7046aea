#!/bin/sh
# install.sh SOURCE CXX static|shared: installs carom into a new prefix, then builds and runs a program against
# it, once with find_package and once with pkg-config.
set -eu
source=$1
cxx=$2
kind=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
case $kind in
  static) shared=OFF ;;
  shared) shared=ON ;;
  *) echo "static or shared?" >&2; exit 2 ;;
esac

quietly() {
  "$@" >"$work/log" 2>&1 || { echo "failed: $*" >&2; cat "$work/log" >&2; exit 1; }
}

quietly cmake -S "$source" -B "$work/build" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX="$prefix" -DBUILD_SHARED_LIBS=$shared -DCAROM_TESTS=OFF -DCAROM_BENCH=OFF \
  -DCAROM_DEMO=OFF -DCAROM_EXAMPLES=OFF
quietly cmake --build "$work/build" --parallel
quietly cmake --install "$work/build"

# Every header must do on its own, with nothing but the prefix in sight. Once is enough.
if [ "$kind" = static ]; then
  for header in $(cd "$prefix/include" && find carom -name '*.hpp'); do
    echo "#include <$header>" >"$work/header.cpp"
    quietly "$cxx" -std=c++20 -pedantic-errors -fsyntax-only -I"$prefix/include" "$work/header.cpp"
  done
fi

library=$(find "$prefix" -name 'libcarom.*' | sort | head -n 1)
test -n "$library" || { echo "no library was installed" >&2; exit 1; }
export LD_LIBRARY_PATH="$(dirname "$library")"

echo "find_package"
cp -r "$source/tests/install/consumer" "$work/consumer"
quietly cmake -S "$work/consumer" -B "$work/consumer/build" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build "$work/consumer/build"
"$work/consumer/build/consumer"

echo "pkg-config"
export PKG_CONFIG_PATH="$LD_LIBRARY_PATH/pkgconfig"
quietly pkg-config --exists --print-errors carom
# Unquoted: these are lists of flags.
quietly "$cxx" -std=c++20 $(pkg-config --cflags carom) "$work/consumer/main.cpp" -o "$work/consumer/plain" \
  $(pkg-config --libs carom)
"$work/consumer/plain"

linked=$(ldd "$work/consumer/plain" | grep -c libcarom || true)
case $kind-$linked in
  static-0 | shared-1) ;;
  *) echo "$kind, but the program links $linked shared libcarom" >&2; exit 1 ;;
esac
test "$(pkg-config --modversion carom)" = "$(sed -n 's/^project(carom VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")"
echo "fine"
