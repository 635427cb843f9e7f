#!/bin/bash
# Compares eif.lock with this machine: what the enclave image is made from and with.
#
# usage: lock.sh [--write]
#   --write  accept this machine's components, and the kernel source that apt offers now
#
# Exit code 1, and one line for each component that differs, if the image would not be the locked one.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/need.sh gcc=gcc as=binutils gzip=gzip
# No program is called like a header: where the header is missing, need.sh gets the package.
has_header() { gcc -E -include "$1" -xc /dev/null >/dev/null 2>&1; }
has_header stdio.h || tools/need.sh stdio.h=libc6-dev
has_header gelf.h || tools/need.sh gelf.h=libelf-dev

# sha256 FILE...: of the file, or over the sums and names of several, sorted.
sha256() {
    if [ $# -eq 1 ]; then
        sha256sum <"$1" | cut -d ' ' -f 1
    else
        sha256sum "$@" | sed 's|  .*/|  |' | LC_ALL=C sort | sha256sum | cut -d ' ' -f 1
    fi
}

# component NAME VERSION FILE...
component() {
    local name="$1" version="$2"
    shift 2
    if ! ls "$@" >/dev/null 2>&1; then
        printf '%s - missing\n' "$name"
    else
        printf '%s %s %s\n' "$name" "$version" "$(sha256 "$@")"
    fi
}

# debian NAME FILE...: its version is that of the first file's package, as apt-get install takes it.
debian() {
    local name="$1" file package=
    file="$(readlink -f "$2" || true)"
    # Packages from before the merge of / and /usr know their files by the shorter path.
    package="$(dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null || true)"
    [ -z "$package" ] || package="$(dpkg-query -W -f '${Package}=${Version}' "${package%%: *}")"
    shift
    component "$name" "${package:--}" "$@"
}

# libraries_of FILE...: those that the programs load, but for the C library, which computes nothing.
libraries_of() { ldd "$@" | awk '/=> \// && !/lib(c|m|dl|pthread)\.so/ { print $3 }' | LC_ALL=C sort -u; }

of_gcc() { gcc -print-file-name="$1"; }
program() { readlink -f "$(command -v "$1")" || echo "/nowhere/$1"; }

# The kernel's source as locked (kernel.sh compares it), or with --write as apt offers it: its sum is
# known without fetching it.
kernel_source() {
    local name=linux-source-6.12 offered
    if [ "$mode" = --write ] && offered="$(apt-cache show --no-all-versions "$name" 2>/dev/null)" &&
        [ -n "$offered" ]; then
        awk -v name="$name" '$1 == "Version:" { v = $2 } $1 == "SHA256:" { s = $2 }
            END { print "linux-source", name "=" v, s }' <<<"$offered"
    else
        grep '^linux-source ' eif.lock 2>/dev/null || echo "linux-source $name missing"
    fi
}

components() {
    local sysroot host std libc libraries
    kernel_source
    # What must come of it all; build.sh compares it.
    [ "$mode" = --write ] || grep '^kernel ' eif.lock || echo "kernel - missing"
    component kernel-config tools/eif/kernel.config tools/eif/kernel.config

    # The compiler itself: what is on the path may be rustup's proxy.
    sysroot="$(rustc --print sysroot)"
    host="$(rustc -vV | sed -n 's/^host: //p')"
    std="$sysroot/lib/rustlib/$host"
    component rustc "$(rustc -vV | sed -n 's/^release: //p')" \
        "$sysroot/bin/rustc" "$sysroot"/lib/librustc_driver-*.so "$sysroot"/lib/libLLVM.so.*
    component cargo "$(cargo -V | cut -d ' ' -f 2)" "$sysroot/bin/cargo"
    component rust-std "$(rustc -vV | sed -n 's/^release: //p')" "$std"/lib/*.rlib
    component rust-lld "$(rustc -vV | sed -n 's/^release: //p')" "$std/bin/rust-lld" "$std/bin/gcc-ld/ld.lld"

    debian cc "$(program cc)"
    debian gcc "$(program gcc)"
    debian collect2 "$(gcc -print-prog-name=collect2)"
    debian cc1 "$(gcc -print-prog-name=cc1)"
    debian as "$(program as)"
    debian ld "$(program ld)"
    debian objcopy "$(program objcopy)"
    # Most of a compiler or linker is in these.
    mapfile -t libraries < <(libraries_of "$(gcc -print-prog-name=cc1)")
    debian gcc-libs "${libraries[@]}"
    mapfile -t libraries < <(libraries_of "$(program as)" "$(program ld)" "$(program objcopy)")
    debian binutils-libs "${libraries[@]}"
    debian gzip "$(program gzip)"
    debian libelf "$(of_gcc libelf.so)"
    libc="$(of_gcc libc.a)"
    libc="${libc%/*}"
    debian libc "$libc"/lib{c,dl,m,mvec,pthread,rt,util}.a "$libc"/libm-*.a "$libc"/crt{1,i,n}.o
    debian libgcc "$(of_gcc libgcc.a)" "$(of_gcc libgcc_eh.a)" "$(of_gcc crtbeginT.o)" "$(of_gcc crtend.o)"
}

write() {
    local found kernel
    found="$(components)"
    if grep ' missing$' <<<"$found" >&2; then
        exit 1
    fi
    {
        cat <<'TEXT'
# What the enclave image is made from and with, beside this repository and what Cargo.lock names.
# `make eif` stops if this machine's differs. `make eif-lock` accepts this machine's, which changes
# the measurements. Component, version (of the package, as apt-get install takes it), sha256 (of the
# file; of several: tools/eif/lock.sh).
TEXT
        awk '{ printf "%-13s  %-40s  %s\n", $1, $2, $3 }' <<<"$found"
    } >eif.lock.new
    mv eif.lock.new eif.lock
    kernel="$(tools/eif/kernel.sh)"
    printf '%-13s  %-40s  %s\n' kernel bzImage "$(sha256 "$kernel")" >>eif.lock
    echo "eif.lock is this machine's"
}

# how_to_get NAME VERSION
how_to_get() {
    case "$1" in
    kernel-config) echo "git checkout $2" ;;
    rust* | cargo) echo "rustup toolchain install $2 && rustup override set $2" ;;
    *) echo "apt-get install $2" ;;
    esac
}

check() {
    local found differs=0 name version sum now_version now_sum
    if [ ! -e eif.lock ]; then
        echo "there is no eif.lock: make eif-lock" >&2
        return 1
    fi
    found="$(components)"
    while read -r name version sum; do
        read -r _ now_version now_sum < <(grep "^$name " <<<"$found" || echo "$name - missing")
        if [ "$now_sum" != "$sum" ]; then
            echo "eif.lock: $name is not the locked one: locked $version ${sum:0:12}, found $now_version ${now_sum:0:12};" \
                "get it: $(how_to_get "$name" "$version"); or accept this machine's, which changes the measurements:" \
                "make eif-lock" >&2
            differs=1
        fi
    done < <(grep -v '^#' eif.lock)
    for name in $(cut -d ' ' -f 1 <<<"$found"); do
        if ! grep -q "^$name " eif.lock; then
            echo "eif.lock: $name is not locked; make eif-lock" >&2
            differs=1
        fi
    done
    return $differs
}

mode="${1:-}"
case "$mode" in
--write) write ;;
"") check ;;
*)
    echo "usage: lock.sh [--write]" >&2
    exit 2
    ;;
esac
