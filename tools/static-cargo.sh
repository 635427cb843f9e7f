#!/bin/bash
# cargo, for what leaves this machine: static programs whose bytes do not depend on the folder that
# they are built in, nor on where cargo and rustup keep their files.
#
# usage: static-cargo.sh ARGUMENT...   (cargo's, with --target: the flags are not for build scripts)
set -euo pipefail
cd "$(dirname "$0")/.."

rustc="$(rustc -vV)"
host="$(sed -n 's/^host: //p' <<<"$rustc")"
commit="$(sed -n 's/^commit-hash: //p' <<<"$rustc")"
sysroot="$(rustc --print sysroot)"

flags=(-C target-feature=+crt-static -C relocation-model=static)
# Panic messages name source files. With the compiler's sources installed, std's would be found there.
flags+=("--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit")
flags+=("--remap-path-prefix=$PWD=/sealnote")
# There is a folder for each registry, once something was fetched from it.
cargo fetch --quiet --locked --target "$host"
shopt -s nullglob
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=("--remap-path-prefix=$registry=/crates")
done

# Separated so that a path may have a space in it; cargo leaves paths of --remap-path-prefix out of
# the names that it derives from the flags.
#
# Nothing of the caller's surroundings but where things are: a variable can change what is compiled, and how.
exec env -i PATH="$PATH" HOME="$HOME" ${CARGO_HOME+CARGO_HOME="$CARGO_HOME"} ${RUSTUP_HOME+RUSTUP_HOME="$RUSTUP_HOME"} \
    ${RUSTUP_TOOLCHAIN+RUSTUP_TOOLCHAIN="$RUSTUP_TOOLCHAIN"} ${TERM+TERM="$TERM"} \
    CARGO_ENCODED_RUSTFLAGS="$(IFS=$'\x1f'; echo "${flags[*]}")" cargo "$@"
