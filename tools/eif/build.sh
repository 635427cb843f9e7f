#!/bin/bash
# Puts an enclave image together: the kernel, built if it is not yet, and the given program and model.
#
# usage: build.sh PROGRAM MODEL ARGUMENTS OUT.eif
#   PROGRAM    the enclave's program, static
#   MODEL      folder with the model's three files, or the three encrypted, and nothing else
#   ARGUMENTS  file with the program's arguments, one a line
#   OUT.eif    the image; OUT.json, beside it, has its measurements
#
# SEALNOTE_EIF_BUILDER: the builder, if it is not to be built.
set -euo pipefail
[ $# = 4 ] || { echo "usage: build.sh PROGRAM MODEL ARGUMENTS OUT.eif" >&2; exit 2; }
program="$(realpath "$1")" model="$(realpath "$2")" arguments="$(realpath "$3")" out="$(realpath -m "$4")"
cd "$(dirname "$0")/../.."

builder="${SEALNOTE_EIF_BUILDER:-}"
if [ -z "$builder" ]; then
    # AWS's crate links OpenSSL, and compiles AWS-LC.
    tools/need.sh gcc=gcc pkg-config=pkg-config
    pkg-config --exists openssl || tools/need.sh openssl.pc=libssl-dev
    cargo build --release --locked --manifest-path tools/eif/Cargo.toml --target-dir target/eif-builder
    builder=target/eif-builder/release/sealnote-eif-builder
fi
kernel="$(tools/eif/kernel.sh)"
if [ "$(sha256sum <"$kernel" | cut -d ' ' -f 1)" != "$(awk '$1 == "kernel" { print $3 }' eif.lock)" ]; then
    echo "build.sh: $kernel is not the kernel in eif.lock: remove its folder, and it is built anew" >&2
    exit 1
fi
"$builder" build --kernel "$kernel" --cmdline-file tools/eif/cmdline --program "$program" \
    --arguments "$arguments" --model "$model" --name "$(basename "$out" .eif)" \
    --version "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" --out "$out"
