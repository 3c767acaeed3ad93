#!/bin/sh
# setup.sh go|node|python|proton|swtpm|postgres|strace …: are the tools here that a target needs? Says nothing where they are.
# As root on Debian it installs what is missing, after a line that says so.
set -eu

fail() { echo "$1" >&2; exit 1; }

without=', or set DPSLAB_INTEROP=skip to leave those tests out'

# debian WHAT FOR PACKAGE…: install packages, or say why not with what to run.
debian() {
  what=$1 why=$2
  shift 2
  if [ "${DPSLAB_INSTALL:-1}" = 0 ] || [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
    fail "$what is missing, which $why; install it (on Debian: apt-get install $*)$without"
  fi
  echo "installing $*, which $why (DPSLAB_INSTALL=0 forbids it)"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

has() { command -v "$1" >/dev/null 2>&1; }

for tool in "$@"; do
  case "$tool" in
  go) has go || fail "go is missing: install Go 1.26 or newer from https://go.dev/dl/ and run this again" ;;
  node) if ! has node || ! has npm; then debian 'node or npm' 'the tests of SDKs and pages need' nodejs npm; fi ;;
  python) python3 -c 'import ensurepip' 2>/dev/null || debian 'python3 or its venv' 'the tests of SDKs need' python3 python3-venv ;;
  # Debian's Python has Debian's packages, whatever else is called python3.
  proton) /usr/bin/python3 -c 'import proton' 2>/dev/null || debian 'qpid-proton for /usr/bin/python3' 'the tests of AMQP need' python3-qpid-proton ;;
  swtpm) has swtpm || { without='' && debian swtpm 'the tests of TPMs need' swtpm; } ;;
  # Debian's package starts a server of its own; the tests leave that one alone.
  postgres) has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { without='' && debian PostgreSQL 'the tests of replicas need' postgresql; } ;;
  strace) has strace || { without='' && debian strace 'the test of the order of sync and reply needs' strace; } ;;
  *) fail "setup.sh knows no tool $tool" ;;
  esac
done
