#!/bin/sh
# expect.sh CODE WORDS COMMAND...: whether the command exits with CODE and says WORDS; or nothing, if there are none.
code=$1 words=$2
shift 2
# ThreadSanitizer does not start where addresses are too random.
same=''
if setarch -R true 2>/dev/null; then same='setarch -R'; fi
# shellcheck disable=SC2086 # two words, or none
said=$($same "$@" 2>&1)
got=$?
# A valgrind that does not know a system call of a newer kernel says so, and the call is refused, which is no fault.
found=$(echo "$said" | grep -v '^--[0-9]*--' | grep -v '^$')
if [ "$got" -ne "$code" ]; then
  echo "$said"
  echo "exit code $got, not $code"
  exit 1
fi
if [ -z "$words" ]; then
  [ -z "$found" ] && exit 0
elif echo "$found" | grep -q "$words"; then
  exit 0
fi
echo "$said"
echo "that is not what it was to say: '$words'"
exit 1
