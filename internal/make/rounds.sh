#!/bin/sh
# Every check, in random order, several at a time, against a lab of its own, with the race
# detector at both ends: ROUNDS times, 20 unless it says otherwise. It ends at the first red.
#
#   ROUNDS=3 ./internal/make/rounds.sh
set -eu

rounds=${ROUNDS:-20}
folder=$(mktemp -d)
lab=
stop() {
  [ -z "$lab" ] || { kill "$lab" 2>/dev/null && wait "$lab" || :; }
  lab=
}
trap 'stop; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

go build -race -o "$folder/dpslab" ./cmd/dpslab

round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  rm -f "$folder/target.yaml"
  "$folder/dpslab" up --auto-ports --state "$folder/state" --target-file "$folder/target.yaml" >"$folder/lab.log" 2>&1 &
  lab=$!
  while [ ! -e "$folder/target.yaml" ]; do
    kill -0 "$lab" 2>/dev/null || { cat "$folder/lab.log"; echo 'the lab did not start'; exit 1; }
    sleep 0.2
  done
  began=$(date +%s)
  if ! DPSLAB_TARGET="$folder/target.yaml" go tool ginkgo --race --procs=8 --randomize-all --seed="$((began + round))" \
    --fail-on-empty --fail-on-pending --succinct --no-color ./suites >"$folder/round.log" 2>&1; then
    cat "$folder/round.log"
    echo "round $round of $rounds: red, seed $((began + round))"
    exit 1
  fi
  stop
  if grep -q 'DATA RACE' "$folder/lab.log" "$folder/round.log"; then
    cat "$folder/lab.log" "$folder/round.log"
    echo "round $round of $rounds: a data race"
    exit 1
  fi
  echo "round $round of $rounds: green in $(($(date +%s) - began)) s, seed $((began + round)), $(grep -o '[0-9]*/[0-9]* specs' "$folder/round.log" | tail -1)"
done
