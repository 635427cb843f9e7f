#!/bin/sh
# Make the virtual environment in which the model is trained and measured.
#
#     models/training/setup.sh [FOLDER]     default: target/training-venv
#
# Takes about 4.7 GB of disk and a few minutes, once: a second call with the same
# requirements.txt does nothing. x86-64 Linux with Python 3.11 is what was tried.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../target/training-venv}
python=${PYTHON:-python3}
stamp=$venv/requirements.installed

if cmp -s "$here/requirements.txt" "$stamp"; then
    echo "$venv is up to date"
    exit 0
fi

"$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --no-deps --requirement "$here/requirements.txt"
"$venv/bin/python" -c "import torch, transformers; print('torch', torch.__version__, 'transformers', transformers.__version__)"
# Last, so that an interrupted installation is taken up again by the next call.
cp "$here/requirements.txt" "$stamp"
