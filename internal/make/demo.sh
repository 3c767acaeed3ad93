#!/bin/sh
# make demo: a lab, a small mixed fleet, the checks, a report.
set -eu
dpslab=$1
out=build/demo

if [ "${2:-}" != inside ]; then
  rm -rf "$out"
  mkdir -p "$out"
  # Run this script again with the lab's addresses in its environment.
  exec "$dpslab" up --auto-ports --state '' --retry-after 1s --target-file "$out/target.yaml" -- "$0" "$dpslab" inside
fi

say() { printf '\n== %s\n' "$1"; }

say 'add an enrollment group by symmetric key, and one by root certificate'
"$dpslab" enroll group line-a --key --tags '{"site":"north"}' --desired '{"interval":30}'
"$dpslab" enroll group plant-b --new-root "$out/plant-b"

say 'choose a hub: this device goes to the second'
"$dpslab" enroll individual pump-1 --key --policy static --hub "$DPSLAB_HUB_2_HOST"

say 'watch devices register, over three transports'
"$dpslab" device dev-01 --from-group line-a --transport https
"$dpslab" device dev-02 --from-group line-a --transport mqtt
"$dpslab" device dev-03 --from-group line-a --transport mqtt-ws
"$dpslab" device meter-01 --issuer "$out/plant-b" --transport https
"$dpslab" device meter-02 --issuer "$out/plant-b" --transport mqtt
"$dpslab" device pump-1 --from-enrollment --transport mqtt-ws

say 'check the service against every requirement'
"$dpslab" conformance --target "$out/target.yaml" --report-dir "$out/report"
