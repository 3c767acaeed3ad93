#!/bin/sh
# browser.sh COMMAND…: run a command with a browser and its driver, for the tests of pages.
#
# A Chromium that is here is used as it is; DPSLAB_CHROMIUM names one that is not in PATH.
# As root on Debian, where there is none, Debian's is installed after a line that says so.
# Elsewhere the command does not run, and that is told. DPSLAB_BROWSER=required, as CI sets
# it, fails instead; DPSLAB_BROWSER=none asks for no browser.
set -eu

# without WHY: the pages cannot be opened; say what to do about it.
without() {
  if [ "${DPSLAB_BROWSER:-}" = required ]; then
    echo "$1, and DPSLAB_BROWSER=required" >&2
    exit 1
  fi
  "$(dirname "$0")/notrun.sh" "the report pages in a browser: $1"
  exit 0
}

has() { command -v "$1" >/dev/null 2>&1; }

# found sets chromium to the first one that is here.
found() {
  for name in "${DPSLAB_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
    chromium=$(command -v "$name" 2>/dev/null) && return 0
    [ -z "${DPSLAB_CHROMIUM:-}" ] || return 1
  done
  return 1
}

may_install() { [ "${DPSLAB_INSTALL:-1}" != 0 ] && [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; }

if [ "${DPSLAB_BROWSER:-}" = none ]; then
  without 'DPSLAB_BROWSER=none'
fi
if ! found; then
  [ -z "${DPSLAB_CHROMIUM:-}" ] || without "DPSLAB_CHROMIUM is $DPSLAB_CHROMIUM, which does not run"
  may_install || without 'there is no Chromium; install one (on Debian: apt-get install chromium) or name it in DPSLAB_CHROMIUM'
  echo 'installing chromium, which the tests of pages need (DPSLAB_INSTALL=0 forbids it)'
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  found || without 'chromium was installed and does not run'
fi
if ! has node || ! has npm; then
  may_install || without 'node or npm is missing; install Node.js 20 or newer (on Debian: apt-get install nodejs npm)'
  "$(dirname "$0")/setup.sh" node
fi

export DPSLAB_CHROMIUM="$chromium" DPSLAB_BROWSER=required
"$@"
