#!/bin/bash
# Builds a QEMU that has the machine "nitro-enclave", which no distribution's has, and the vsock
# device that goes with it, and prints the folder that they are in.
#
# usage: qemu.sh
# In the folder: qemu-system-x86_64, firmware/ for its option -L, vhost-device-vsock.
#
# Built once, in about 6 minutes of one processor, into ${SEALNOTE_CACHE:-~/.cache/sealnote}. Root is
# needed only to install packages. Sources: Debian 13's qemu, from apt's mirror, and crates.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"

QEMU=10.0.13
QEMU_SHA256=6a0888e806c2ffc0c5f0733e974f9aea55491950d3c47c98669c8b236dde59ae
VHOST_DEVICE_VSOCK=0.3.0
# What QEMU's own source would bring along, were it not Debian's.
PYTHON_PACKAGES='meson==1.5.0 --hash=sha256:52b34f4903b882df52ad0d533146d4b992c018ea77399f825579737672ae7b20
pycotap==1.3.1 --hash=sha256:1c3a25b3ff89e48f4e00f1f71dbbc1642b4f65c65d416524d07e73492fff25ea'

fail() {
    echo "nitro-guest/qemu.sh: $*" >&2
    exit 1
}

# quietly WHAT COMMAND...: the command's output only if it fails, and then the end of it.
quietly() {
    local what="$1" log
    shift
    log="$(mktemp "$work/log.XXXXXX")"
    "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        fail "$what failed"
    }
}

need() {
    local pair needed=(apt-get=apt dpkg-source=dpkg-dev gcc=gcc ninja=ninja-build pkg-config=pkg-config
        python3=python3 make=make patch=patch xz=xz-utils)
    # need.sh looks for programs; none has the name of these, so that they are installed.
    for pair in libcbor=libcbor-dev glib-2.0=libglib2.0-dev libfdt=libfdt-dev gnutls=libgnutls28-dev zlib=zlib1g-dev; do
        # Debian's libfdt is not known to pkg-config.
        pkg-config --exists "${pair%%=*}" 2>/dev/null || [ -e "/usr/include/${pair%%=*}.h" ] ||
            needed+=("${pair%%=*}.pc=${pair#*=}")
    done
    [ -e /usr/share/qemu/qboot.rom ] || needed+=(qboot.rom=qemu-system-data)
    python3 -c 'import ensurepip, venv' 2>/dev/null || needed+=(ensurepip.py=python3-venv)
    "$here/../need.sh" "${needed[@]}"
    command -v cargo >/dev/null || fail "cargo is missing: install Rust with rustup, as rust-lang.org describes"
}

is_source() { [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$QEMU_SHA256" ]; }

# The source, by apt, with lists of its own: the machine's need not name Debian 13, nor any source.
# Kept, for Debian withdraws a version when the next one is there.
fetch() {
    local codename mirror offered apt
    codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-}")"
    mirror="$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$codename" '$2 == codename && $3 == "main" && !found++ { print $1 }')"
    [ -n "$mirror" ] || fail "apt names no mirror of Debian${codename:+ $codename}"
    mkdir -p "$work"/apt/{lists,cache,sources}
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/apt/sources.list"
    # Root's own folder is closed to the user that apt would otherwise fetch as.
    apt=(apt-get -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=-
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=root)
    quietly "fetching Debian 13's list of sources" "${apt[@]}" update
    cd "$work/apt/sources"
    quietly "fetching QEMU's source" "${apt[@]}" source --download-only --tar-only qemu
    offered="$(echo qemu_*.orig.tar.xz)"
    [ "$offered" = "qemu_$QEMU+ds.orig.tar.xz" ] ||
        fail "apt offers $offered, and it is $QEMU that was tried: see to QEMU and QEMU_SHA256 in this script"
    is_source "$offered" || fail "$offered has another SHA-256 than is written in this script"
    mv "$offered" "$source"
    cd "$here"
}

build_qemu() {
    mkdir "$work/qemu"
    tar -xf "$source" -C "$work/qemu" --strip-components=1
    python3 -m venv "$work/venv"
    quietly "installing meson" "$work/venv/bin/pip" install --require-hashes --no-deps \
        --requirement <(echo "$PYTHON_PACKAGES")
    cd "$work/qemu"
    # Debian's tarball lacks these firmware images, and neither machine needs them.
    sed -i 's/^if unpack_edk2_blobs/if false/' pc-bios/meson.build
    printf 'CONFIG_NITRO_ENCLAVE=y\nCONFIG_MICROVM=y\n' >configs/devices/x86_64-softmmu/nitro.mak
    mkdir build
    cd build
    quietly "configuring QEMU" ../configure --python="$work/venv/bin/python3" --target-list=x86_64-softmmu \
        --without-default-features --without-default-devices --with-devices-x86_64=nitro --enable-system --enable-tcg \
        --enable-gnutls --enable-libcbor --enable-vhost-user --enable-fdt=system --disable-docs --disable-werror \
        --disable-install-blobs
    quietly "building QEMU" ninja qemu-system-x86_64
    strip -o "$work/out/qemu-system-x86_64" qemu-system-x86_64
    mkdir "$work/out/firmware"
    cp /usr/share/qemu/{qboot.rom,linuxboot_dma.bin} "$work/out/firmware"
    cd "$here"
}

# Patched, so not installed but fetched, as the dependency of a crate that has no other use.
build_vsock() {
    # In a folder of its own: the settings of no workspace apply.
    mkdir -p "$work/fetch/src"
    cd "$work/fetch"
    : >src/lib.rs
    printf '%s\n' '[package]' 'name = "fetch"' 'edition = "2021"' '[dependencies]' \
        "vhost-device-vsock = \"=$VHOST_DEVICE_VSOCK\"" >Cargo.toml
    quietly "fetching vhost-device-vsock" cargo vendor
    mv vendor/vhost-device-vsock "$work/vsock"
    cd "$work/vsock"
    patch -s -p1 <"$here/vhost-device-vsock.patch" >&2
    quietly "building vhost-device-vsock" cargo build --release --locked --target-dir "$work/target"
    strip -o "$work/out/vhost-device-vsock" "$work/target/release/vhost-device-vsock"
    cd "$here"
}

# As these functions build it, whatever the comments around them.
key="$({ declare -f build_qemu build_vsock; cat "$here/vhost-device-vsock.patch"; } | sha256sum | cut -c 1-8)"
out="$cache/nitro-qemu-$QEMU-$VHOST_DEVICE_VSOCK-$key"
# Started, because a library that it was linked with may have gone since.
if ! "$out/qemu-system-x86_64" -M help 2>/dev/null | grep -q ^nitro-enclave || [ ! -x "$out/vhost-device-vsock" ]; then
    need
    mkdir -p "$cache"
    work="$(mktemp -d "$cache/nitro-qemu.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/out"
    echo "nitro guest: building QEMU $QEMU and vhost-device-vsock $VHOST_DEVICE_VSOCK, once" >&2
    source="$cache/$QEMU_SHA256.tar.xz"
    [ -e "$source" ] && is_source "$source" || fetch
    build_qemu
    build_vsock
    rm -rf "$out"
    mv "$work/out" "$out"
fi
echo "$out"
