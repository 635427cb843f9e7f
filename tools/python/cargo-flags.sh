#!/bin/bash
# Flags for rustc, as CARGO_ENCODED_RUSTFLAGS has them: panic messages name source files, and not by where they are on
# this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

flags=("--remap-path-prefix=$PWD=/sealnote")
shopt -s nullglob
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=("--remap-path-prefix=$registry=/crates")
done
IFS=$'\x1f'
echo "${flags[*]}"
