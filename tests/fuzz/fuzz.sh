#!/bin/bash
# fuzz.sh SECONDS [TARGET ...]: builds the fuzz targets and runs each for so long, as many at a time as there are
# processors. What it has learnt stays in build/fuzz/corpus, the inputs that something was found with in build/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift
scripts/build fuzz carom_fuzz
programs=build/fuzz/tests/fuzz
[ $# -gt 0 ] || set -- $(cd $programs && ls fuzz-* | sed 's/^fuzz-//')
mkdir -p build/fuzz/found build/fuzz/corpus
ulimit -c 0

run() {
  local log=build/fuzz/$3.log
  mkdir -p "build/fuzz/corpus/$3"
  if "$2/fuzz-$3" -max_total_time="$1" -timeout=5 -max_len=512 -detect_leaks=0 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$3-" "build/fuzz/corpus/$3" >"$log" 2>&1; then
    sed -n "s/^stat::number_of_executed_units: */$3: nothing found, inputs: /p" "$log"
  else
    echo "$3: found something" >&2
    grep -v '^#[0-9]' "$log" | tail -n 60 >&2
    return 1
  fi
}
export -f run
export ASAN_OPTIONS=handle_abort=1 UBSAN_OPTIONS=print_stacktrace=1
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c "run $seconds $programs {}"
