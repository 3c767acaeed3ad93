#!/bin/sh
# engine.sh COMMAND…: run a command with a container engine for its container checks.
#
# An engine that answers is used as it is. As root on Debian, where none does, Docker is
# installed and started after a line that says so, and what is started here ends with the
# command. Elsewhere the command runs with DPSLAB_CONTAINERS=none, by which every container
# check says that it did not run. DPSLAB_CONTAINERS=required, as CI sets it, fails instead;
# DPSLAB_CONTAINERS=none asks for no engine.
set -eu

log=build/dockerd.log
patience=30 # seconds that a daemon may take to answer
engine=''   # process id of the daemon that was started here

answering() { host=$(go run ./internal/make/engine) && export DOCKER_HOST="$host"; }

# without WHY: the containers cannot be; say what to do about it.
without() {
  if [ "${DPSLAB_CONTAINERS:-}" = required ]; then
    echo "$1, and DPSLAB_CONTAINERS=required" >&2
    exit 1
  fi
  ./internal/make/notrun.sh "the container checks: $1"
  export DPSLAB_CONTAINERS=none
}

start() {
  mkdir -p build
  echo "starting dockerd until the tests are over; it logs to $log"
  # In a session of its own, so that Ctrl-C reaches the tests first, which clean up.
  setsid dockerd >"$log" 2>&1 &
  engine=$!
  trap stop EXIT
  tries=0
  until answering 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt "$patience" ] || ! kill -0 "$engine" 2>/dev/null; then
      tail -n 3 "$log" >&2
      return 1
    fi
    sleep 1
  done
}

stop() {
  [ -n "$engine" ] || return 0
  kill "$engine" 2>/dev/null || true
  wait "$engine" 2>/dev/null || true
}

if [ "${DPSLAB_CONTAINERS:-}" = none ]; then
  without 'DPSLAB_CONTAINERS=none'
elif answering; then
  :
elif [ -n "${DOCKER_HOST:-}" ]; then
  without 'the engine of DOCKER_HOST does not answer'
elif [ "${DPSLAB_INSTALL:-1}" = 0 ] || [ "$(id -u)" != 0 ] || [ ! -f /etc/debian_version ]; then
  without 'no container engine answers; start Docker or Podman, or name one in DOCKER_HOST (on Debian: apt-get install docker.io)'
else
  if ! command -v dockerd >/dev/null 2>&1; then
    echo 'installing docker.io, which the container checks need (DPSLAB_INSTALL=0 forbids it)'
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io >/dev/null
  fi
  answering 2>/dev/null || start || without 'dockerd does not start here'
fi
[ "${DPSLAB_CONTAINERS:-}" = none ] || export DPSLAB_CONTAINERS=required

"$@"
