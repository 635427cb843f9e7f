#!/bin/bash
# Builds the enclave's kernel from Debian's source with kernel.config, and prints where bzImage is.
#
# usage: kernel.sh
# The source is the one that eif.lock names: $SEALNOTE_LINUX_SOURCE (its .deb) if that is set,
# otherwise fetched by apt as it is configured; unpacked, not installed, so no root is needed.
# Built once (five to ten minutes) into ${SEALNOTE_CACHE:-~/.cache/sealnote}, in a folder whose name
# follows from everything that it is built from and with, as eif.lock has it. The fetched source is
# kept there too: Debian withdraws a version when the next one is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
here="$PWD/tools/eif"
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"

fail() {
    echo "kernel.sh: $*" >&2
    exit 1
}

[ -e eif.lock ] || fail "there is no eif.lock: make eif-lock"
locked() { awk -v name="$1" '$1 == name { print $2, $3 }' eif.lock; }
read -r package source_sum < <(locked linux-source)

key="$({
    sha256sum <"$here/kernel.sh"
    sha256sum <"$here/kernel.config"
    for component in linux-source gcc cc1 as ld objcopy gzip libelf; do
        echo "$component $(locked "$component")"
    done
} | sha256sum | cut -c 1-16)"
out="$cache/kernel-$key"
if [ -e "$out/bzImage" ]; then
    echo "$out/bzImage"
    exit 0
fi

# Headers and libraries are in eif.lock, and lock.sh has seen to them.
"$here/../need.sh" make=make gcc=gcc flex=flex bison=bison bc=bc gzip=gzip xz=xz-utils perl=perl-base

is_locked_source() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$source_sum" ]; }

mkdir -p "$cache"
work="$(mktemp -d "$cache/kernel.XXXXXX")"
trap 'rm -rf "$work"' EXIT

deb="${SEALNOTE_LINUX_SOURCE:-$cache/$source_sum.deb}"
if [ ! -e "$deb" ]; then
    [ -z "${SEALNOTE_LINUX_SOURCE:-}" ] || fail "$deb is not there"
    # Root's own folder is closed to the user that apt would otherwise fetch as.
    fetch() { (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2); }
    fetch || { [ "$(id -u)" = 0 ] && apt-get update -qq >&2 && fetch; } ||
        fail "apt does not offer $package (any more): set SEALNOTE_LINUX_SOURCE to its .deb, or take the present one with make eif-lock, which changes the measurements"
    is_locked_source "$work"/*.deb || fail "$package, as apt has it, is not the one in eif.lock"
    mv "$work"/*.deb "$deb"
fi
is_locked_source "$deb" || fail "$deb is not the source in eif.lock"

echo "kernel: unpacking $package" >&2
dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/*.tar.xz' | tar -xJ -C "$work"
tree="$(echo "$work"/linux-source-*)"

# Nothing of the caller's surroundings but the path; the time and the place are fixed.
build() {
    env -i PATH="$PATH" HOME="$work" LC_ALL=C TZ=UTC KBUILD_BUILD_VERSION=1 KBUILD_BUILD_USER=sealnote \
        KBUILD_BUILD_HOST=sealnote KBUILD_BUILD_TIMESTAMP='1970-01-01 00:00:00 UTC' \
        make -C "$tree" --no-print-directory -s -j "$(nproc)" "$@" >&2
}

# A condition that is not met makes an option disappear without a word.
check_config() {
    local line name found
    while IFS= read -r line; do
        name="${line%%=*}"
        # An option that is off has no line, or a comment.
        found="$(grep "^$name=" "$tree/.config" || echo "$name=n")"
        [ "$found" = "$line" ] || fail "kernel.config says $line, but the configuration came out as $found"
    done < <(grep '^CONFIG_' "$here/kernel.config")
}

begun=$SECONDS
build KCONFIG_ALLCONFIG="$here/kernel.config" allnoconfig
check_config
echo "kernel: building it, once" >&2
build bzImage
mkdir "$work/out"
cp "$tree/arch/x86/boot/bzImage" "$work/out/bzImage"
cp "$tree/.config" "$work/out/config"
# Somebody else may have been faster; equal names have equal contents.
mv -T "$work/out" "$out" 2>/dev/null || [ -e "$out/bzImage" ]
echo "kernel: $(stat -c %s "$out/bzImage") bytes, in $((SECONDS - begun)) s" >&2
echo "$out/bzImage"
