#!/bin/sh
# python.sh: the Python SDKs, in suites/interop/python/.venv. It is made once, and again when
# the requirements change or its Python is gone. pip takes nothing whose digest is not there.
set -eu
here=$(dirname "$0")
"$here/setup.sh" python
cd "$here/../../suites/interop/python"

cat build.txt requirements.txt | cmp -s - .venv/made-from && .venv/bin/python -c '' 2>/dev/null && exit 0

oldest=3.10 newest=3.13 # that the packages of requirements.txt are built for
python3 - "$oldest" "$newest" <<'EOF' || exit 1
import sys
oldest, newest = (tuple(map(int, v.split("."))) for v in sys.argv[1:])
if not oldest <= sys.version_info[:2] <= newest:
    sys.exit("python3 is %d.%d; the Python SDKs need %s to %s: put one of these first in PATH,"
             " or set DPSLAB_INTEROP=skip" % (*sys.version_info[:2], *sys.argv[1:]))
EOF

install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes "$@"; }

echo 'making suites/interop/python/.venv'
rm -rf .venv
python3 -m venv .venv
install -r build.txt
# paho-mqtt comes as source alone, and is built by what build.txt brought.
install --use-pep517 --no-build-isolation --only-binary charset-normalizer,uamqp -r requirements.txt
cat build.txt requirements.txt >.venv/made-from
