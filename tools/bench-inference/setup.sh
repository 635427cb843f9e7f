#!/bin/sh
# Make the virtual environment of `make bench-inference`: that of the training (torch and transformers),
# and ONNX Runtime.
#
#     tools/bench-inference/setup.sh [FOLDER]     default: target/bench-venv
#
# Takes about 5 GB of disk and a few minutes, once. Nothing in it is run on a GPU.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../target/bench-venv}
python=${PYTHON:-python3}
stamp=$venv/bench-requirements.installed

if ! "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Python 3.11 or later with venv is missing: install python3 and python3-venv, or name one, PYTHON=…" >&2
    exit 1
fi
"$here/../../models/training/setup.sh" "$venv"
if cmp -s "$here/requirements.txt" "$stamp"; then
    exit 0
fi
"$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements.txt"
"$venv/bin/python" -c "import onnx, onnxruntime; print('onnx', onnx.__version__, 'onnxruntime', onnxruntime.__version__)"
cp "$here/requirements.txt" "$stamp"
