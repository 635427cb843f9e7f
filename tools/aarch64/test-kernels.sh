#!/bin/bash
# The kernels' tests on emulated AArch64 processors: all of them where there is everything, and those of the
# instruction sets where there is less.
#
# usage: test-kernels.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/need.sh aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu qemu-aarch64-static=qemu-user-static
# No program is called like a library: where it is missing, need.sh gets the package.
[ -e "$(aarch64-linux-gnu-gcc -print-file-name=libc.a)" ] || tools/need.sh libc.a=libc6-dev-arm64-cross

rust="$(tools/aarch64/rust.sh)"

# on PROCESSOR INSTRUCTION_SETS TESTS
on() {
    echo "==> $1: $2"
    env RUSTC="$rust/rustc" RUSTFLAGS="-C target-feature=+crt-static -D warnings" SEALNOTE_ISAS="$2" \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $1" \
        cargo test --locked --quiet -p sealnote-kernels --lib --target aarch64-unknown-linux-gnu \
        --target-dir target/aarch64 "$3"
}

on max "neon-i8mm neon-dot portable" ""
on neoverse-n1 "neon-dot portable" isa:: # Graviton2
on cortex-a72 "portable" isa::           # the first Graviton, which has no enclaves
