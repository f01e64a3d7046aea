#!/bin/sh
# run_model.sh SPIN CC MODEL DIRECTORY OUTCOME [-DNAME[=VALUE] ...]
# Searches all states of the model in that configuration. OUTCOME is `holds`, or a part of the message that says what
# the search must find wrong. What it finds stays in DIRECTORY; to read it: spin -t -p -g -l [-DNAME ...] MODEL there.
set -eu
spin=$1 cc=$2 model=$3 directory=$4 outcome=$5
shift 5
mkdir -p "$directory"
cd "$directory"
rm -f pan pan.* ./*.trail search.log

fail() {
  echo "$1" >&2
  cat search.log >&2
  exit 1
}

"$spin" -a "$@" "$model" >search.log 2>&1 || fail 'spin does not understand the model'
# NOREDUCE: `unless`, by which actors die, is better not combined with the partial order reduction.
"$cc" -O1 -w -DSAFETY -DNOREDUCE -DMEMLIM=1900 -o pan pan.c >>search.log 2>&1 || fail 'the search does not compile'
./pan -m100000 -w23 >search.log 2>&1 || true
grep 'states, stored' search.log || fail 'the search did not run'

if grep -Ei 'too small|out of memory|memlim|truncated|hashtable.*full' search.log >/dev/null; then
  fail 'the search was cut short, so it says nothing'
fi
if [ "$outcome" = holds ]; then
  grep -q 'errors: 0$' search.log || fail 'the search found an error'
  ! grep -qi 'search not completed' search.log || fail 'the search did not end'
else
  grep -q 'errors: 1$' search.log || fail "the search found nothing, and should have found: $outcome"
  grep -F "$outcome" search.log || fail "the search found something else than: $outcome"
fi
