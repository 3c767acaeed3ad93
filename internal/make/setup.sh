#!/bin/sh
# Is everything here that the Makefile needs? Run before every target; says nothing then.
set -eu

fail() { echo "$1" >&2; exit 1; }

command -v go >/dev/null 2>&1 ||
  fail "go is missing: install Go 1.26 or newer from https://go.dev/dl/ and run this again"

[ "${DPSLAB_INTEROP:-}" = skip ] && exit 0
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 && exit 0

if [ "${DPSLAB_INSTALL:-1}" = 0 ] || [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
  fail "node or npm is missing: install Node.js 20 or newer (on Debian: apt-get install nodejs npm), or set DPSLAB_INTEROP=skip to leave the SDK tests out"
fi
echo "installing nodejs and npm, which the SDK tests need (DPSLAB_INSTALL=0 forbids it)"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null
