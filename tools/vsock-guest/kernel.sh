#!/bin/bash
# Puts Debian's stock cloud kernel and its vsock modules into a folder, and prints that folder.
#
# usage: kernel.sh
# Fetched once, by apt as it is configured, into ${SEALNOTE_CACHE:-~/.cache/sealnote}: the package
# is unpacked, not installed, so no root is needed.
set -euo pipefail

# modinfo is a tool for the administrator, who needs not be the one that runs this.
PATH="$PATH:/usr/sbin:/sbin"
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"

# Copies a module after those that it depends on, numbered in the order of loading.
add_module() {
    local name="${1//-/_}" found plain dependency
    [ ! -e "$(echo "$work"/kernel/*-"$name".ko)" ] || return 0
    # A file's name has either sign where the module's name has an underscore.
    found="$(find "$work/root" -path "*/kernel/*/${name//_/[-_]}.ko*" | head -n 1)"
    plain="$work/$name.ko"
    # Newer packages compress the modules; the guest's insmod takes them plain.
    case "$found" in
    *.ko) cp "$found" "$plain" ;;
    *.ko.xz) xz -dc "$found" >"$plain" ;;
    *.ko.zst) zstd -qdc "$found" >"$plain" ;;
    *) echo "kernel.sh: $package has no module $name" >&2; exit 1 ;;
    esac
    for dependency in $(modinfo -F depends "$plain" | tr , ' '); do
        add_module "$dependency"
    done
    mv "$plain" "$work/kernel/$(printf %02d "$number")-$name.ko"
    number=$((number + 1))
}

# The metapackage names the current kernel; its own version is in the name.
current_package() {
    apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

package="$(current_package)"
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
    apt-get update -qq >&2
    package="$(current_package)"
fi
if [ -z "$package" ]; then
    echo "kernel.sh: apt offers no linux-image-cloud-amd64; on Debian, as root: apt-get update" >&2
    exit 1
fi

out="$cache/$package"
if [ ! -e "$out/done" ]; then
    mkdir -p "$cache"
    work="$(mktemp -d "$cache/kernel.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    # Root's own folder is closed to the user that apt would otherwise fetch as.
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2) || {
        echo "kernel.sh: $package cannot be fetched; if apt's lists are old, as root: apt-get update" >&2
        exit 1
    }
    dpkg-deb -x "$work"/*.deb "$work/root"
    mkdir "$work/kernel"
    cp "$work"/root/boot/vmlinuz-* "$work/kernel/vmlinuz"
    number=0
    add_module vsock_loopback
    touch "$work/kernel/done"
    rm -rf "$out"
    mv "$work/kernel" "$out"
fi
echo "$out"
