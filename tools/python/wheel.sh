#!/bin/bash
# The Python client as a wheel, for this machine's kind and every CPython from 3.9 on: target/python.
#
# Exit code 77: what builds it cannot be had here, which it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=target/python-venv

tools/python/venv.sh "$venv" tools/python/requirements.txt
rm -rf target/python
CARGO_ENCODED_RUSTFLAGS="$(tools/python/cargo-flags.sh)" "$venv/bin/maturin" build --quiet --release --locked \
    --manifest-path client/python/Cargo.toml --target-dir target/python-build --out target/python
echo target/python/*.whl
