#!/bin/sh
# govulncheck, where its database can be reached. Anything that it finds fails.
out=$(timeout 120 go tool govulncheck ./... 2>&1)
code=$?
case "$out" in
*"fetching vulnerabilities"* | *"dial tcp"* | *"no such host"* | *"connection refused"*)
  echo "govulncheck: not run, its database cannot be reached from here"
  exit 0 ;;
esac
if [ $code = 124 ]; then
  echo "govulncheck: not run, its database did not answer in two minutes"
  exit 0
fi
[ $code = 0 ] || echo "$out"
exit $code
