#!/bin/sh
# reproducible.sh: does the same commit give the same bytes? Makes
# the release of one platform twice, from two clones of this commit in different folders,
# each with an empty build cache, and compares the checksums.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for clone in one two-in-another-folder; do
  git clone -q . "$work/$clone"
  (cd "$work/$clone" && GOCACHE="$work/$clone/.cache" go run ./internal/make/release \
    -version v0.0.0 -platforms linux/amd64 -out "$work/$clone/dist") >"$work/$clone.log" || {
    cat "$work/$clone.log"
    exit 1
  }
done
if ! cmp -s "$work/one/dist/SHA256SUMS" "$work/two-in-another-folder/dist/SHA256SUMS"; then
  echo 'the same commit was built to different bytes:' >&2
  diff "$work/one/dist/SHA256SUMS" "$work/two-in-another-folder/dist/SHA256SUMS" >&2 || true
  exit 1
fi
echo 'two builds of this commit are the same to the last byte'
