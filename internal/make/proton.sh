#!/bin/sh
# proton.sh COMMAND…: run a command with qpid-proton, for the AMQP server's tests with it.
#
# As root on Debian it is installed where it is missing, after a line that says so. Elsewhere the
# command runs without, and that is told. DPSLAB_INTEROP=required fails instead;
# DPSLAB_INTEROP=skip asks for no qpid-proton.
set -eu
here=$(dirname "$0")

if [ "${DPSLAB_INTEROP:-}" = skip ]; then
  "$here/notrun.sh" 'qpid-proton against the AMQP server: DPSLAB_INTEROP=skip'
elif "$here/setup.sh" proton; then
  export DPSLAB_INTEROP=required
elif [ "${DPSLAB_INTEROP:-}" = required ]; then
  exit 1
else
  "$here/notrun.sh" 'qpid-proton against the AMQP server: it is missing'
fi

"$@"
