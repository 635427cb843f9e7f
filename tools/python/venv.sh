#!/bin/bash
# What the Python client is built and tested with.
#
# usage: venv.sh VENV REQUIREMENTS
# Exit code 77: the packages cannot be had here, which it says.
set -euo pipefail
venv="$1" requirements="$2"

cmp -s "$requirements" "$venv/installed.txt" && exit 0
rm -rf "$venv"
if ! { python3 -m venv "$venv" && "$venv/bin/pip" --quiet --disable-pip-version-check install -r "$requirements"; } >&2; then
    echo "skipped: $requirements cannot be installed; it needs python3-venv and a package index" >&2
    exit 77
fi
cp "$requirements" "$venv/installed.txt"
