#!/bin/sh
# notrun.sh TEXT: say that a part of the tests does not run, now and once more at the end.
# notrun.sh --begin and --end stand around a run. The list is kept in DPSLAB_NOT_RUN.
set -eu
list=${DPSLAB_NOT_RUN:-build/not-run}
case "$1" in
--begin) rm -f "$list" ;;
--end)
  [ -s "$list" ] || exit 0
  printf '\nNOT RUN, so nothing is known of:\n'
  sort -u "$list" | sed 's/^/  /'
  ;;
*)
  mkdir -p "$(dirname "$list")"
  echo "$1" >>"$list"
  echo "not run: $1"
  ;;
esac
