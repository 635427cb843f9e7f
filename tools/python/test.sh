#!/bin/bash
# The Python client's tests, against a local enclave: first as a wheel, then installed from its folder.
#
# SEALNOTE_PROGRAMS: the folder of the three programs; target/programs unless it says otherwise.
# Exit code 77: what it needs cannot be had here, which it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/python-venv

tools/python/wheel.sh
pip=("$venv/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" install --force-reinstall --no-deps target/python/*.whl
"$venv/bin/mypy" --strict --cache-dir target/python-mypy client/python/package/sealnote client/python/tests
"$venv/bin/python" -m pytest -p no:cacheprovider -q client/python "$@"

# As somebody who has the sources has it.
rm -rf target/python-folder-venv
python3 -m venv target/python-folder-venv
CARGO_TARGET_DIR="$PWD/target/python-build" CARGO_ENCODED_RUSTFLAGS="$(tools/python/cargo-flags.sh)" \
    target/python-folder-venv/bin/pip --quiet --disable-pip-version-check install ./client/python
target/python-folder-venv/bin/python - <<'PYTHON'
import sealnote

try:
    sealnote.Client("tcp:127.0.0.1:1", "{}")
except sealnote.PolicyError as error:
    print("installed from its folder:", type(error).__name__)
PYTHON
