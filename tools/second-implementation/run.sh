#!/bin/bash
# Recomputes PROTOCOL.md's worked example in Python.
#
# usage: run.sh VENV
# Exit code 77: the Python packages cannot be had here, which it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv="$1"
requirements=tools/second-implementation/requirements.txt

if ! cmp -s "$requirements" "$venv/installed.txt"; then
    rm -rf "$venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" --quiet --disable-pip-version-check install -r "$requirements"; }; then
        echo "skipped: $requirements cannot be installed; it needs python3-venv and a package index" >&2
        exit 77
    fi
    cp "$requirements" "$venv/installed.txt"
fi
"$venv/bin/python" tools/second-implementation/worked_example.py PROTOCOL.md
