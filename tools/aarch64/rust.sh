#!/bin/bash
# Puts Debian's Rust compiler with the standard libraries for x86-64 and AArch64 into a folder, and prints
# that folder; `rustc` in it is the compiler.
#
# usage: rust.sh
# Fetched once, by apt as it is configured, into ${SEALNOTE_CACHE:-~/.cache/sealnote}/rust-aarch64: to have a
# newer one, remove that. The packages are unpacked, not installed, so no root is needed, dpkg learns of no other
# architecture, and nothing stands before the toolchain that everything else is built with.
set -euo pipefail

cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"
out="$cache/rust-aarch64"
if [ -e "$out/rustc" ]; then
    echo "$out"
    exit 0
fi

fail() {
    echo "rust.sh: $*" >&2
    exit 1
}

[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || fail "this is for Debian on x86-64"

mkdir -p "$cache"
work="$(mktemp -d "$cache/rust.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# Lists of our own, with both architectures. Root's own folder is closed to the user that apt would otherwise
# fetch as.
mkdir -p "$work"/{lists,archives,debs,rust}
apt=(-qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Acquire::Languages=none
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work" -o Debug::NoLocking=true -o APT::Sandbox::User=root)
apt-get "${apt[@]}" update >&2

# dependency PACKAGE PATTERN: the one that matches; its version is in its name.
dependency() {
    apt-cache "${apt[@]}" depends "$1" 2>/dev/null | sed -n "s/^ *Depends: \($2\)\$/\1/p" | head -n 1
}

library="$(dependency libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')"
llvm="$(dependency "${library:-rustc-web}" 'libllvm[0-9]*')"
[ -n "$llvm" ] || fail "apt offers no rustc-web: is Debian's security archive among its sources?"
(cd "$work/debs" && apt-get "${apt[@]}" download rustc-web:amd64 "$library:amd64" "$llvm:amd64" \
    libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 >&2)
for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/rust"
done
cat >"$work/rust/rustc" <<'RUSTC'
#!/bin/sh
usr="$(dirname "$0")/usr"
LD_LIBRARY_PATH="$usr/lib/x86_64-linux-gnu" exec "$usr/bin/rustc" --sysroot "$usr" "$@"
RUSTC
chmod +x "$work/rust/rustc"
rm -rf "$out"
mv "$work/rust" "$out"
echo "$out"
