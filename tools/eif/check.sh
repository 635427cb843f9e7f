#!/bin/bash
# Builds target/eif/sealnote.eif a second time, from scratch and elsewhere, and compares: another
# checkout folder, another CARGO_HOME, another cache, later, another umask and time zone.
#
# usage: check.sh          the image
#        check.sh kernel   only the kernel in it, which must be the one in eif.lock
# What is not built again: the image builder, which is no part of the image; and, where
# SEALNOTE_EIF_CHECK_KERNEL=cached, the kernel of the image. Crates are taken from cargo's own cache, and the
# kernel's source from ours: both are checked by their hashes. Needs about 4 GB in $TMPDIR.
# Exit code 0 only if image and measurements are equal, byte for byte.
set -euo pipefail
cd "$(dirname "$0")/../.."
first=target/eif
builder="$PWD/target/eif-builder/release/sealnote-eif-builder"
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}"
cargo_home="${CARGO_HOME:-$HOME/.cargo}"
source="$cache/$(awk '$1 == "linux-source" { print $3 }' eif.lock).deb"

begun=$SECONDS
elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT
checkout="$elsewhere/another checkout"
mkdir -p "$checkout" "$elsewhere/cargo/registry"

# What is or might be committed; without git, everything but what was built.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    # Files that were deleted and not yet committed are listed too.
    git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar -c --null --files-from=- | tar -xm -C "$checkout"
else
    tar -c --exclude=./target --exclude=./.git . | tar -xm -C "$checkout"
fi
# The sources as they were fetched; cargo unpacks them anew, and compares them with Cargo.lock.
for part in registry/cache registry/index config.toml; do
    [ ! -e "$cargo_home/$part" ] || cp -r "$cargo_home/$part" "$elsewhere/cargo/$part"
done

again=(env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS TZ=Asia/Kathmandu CARGO_HOME="$elsewhere/cargo"
    SEALNOTE_EIF_BUILDER="$builder")
if [ "${SEALNOTE_EIF_CHECK_KERNEL:-}" = cached ]; then
    again+=(SEALNOTE_CACHE="$cache")
else
    again+=(SEALNOTE_CACHE="$elsewhere/cache")
    [ ! -e "$source" ] || again+=(SEALNOTE_LINUX_SOURCE="$source")
fi
if [ "${1:-}" = kernel ]; then
    kernel="$(umask 077 && "${again[@]}" "$checkout/tools/eif/kernel.sh")"
    found="$(sha256sum <"$kernel" | cut -d ' ' -f 1)"
    locked="$(awk '$1 == "kernel" { print $3 }' eif.lock)"
    if [ "$found" != "$locked" ]; then
        echo "eif check: the kernel differs: $locked in eif.lock, $found built now" >&2
        exit 1
    fi
    echo "eif check: the kernel is the one in eif.lock, byte for byte; it took $((SECONDS - begun)) s"
    exit 0
fi
(umask 077 && "${again[@]}" make --silent -C "$checkout" eif ${MODEL:+MODEL="$MODEL"}) >&2
second="$checkout/target/eif"
took=$((SECONDS - begun))

if ! cmp -s "$first/sealnote.eif" "$second/sealnote.eif"; then
    echo "eif check: the images differ, first and second build:" >&2
    diff <("$builder" sections "$first/sealnote.eif") <("$builder" sections "$second/sealnote.eif") >&2 || true
    exit 1
fi
if ! diff "$first/sealnote.json" "$second/sealnote.json" >&2; then
    echo "eif check: the measurements differ" >&2
    exit 1
fi
echo "eif check: image and measurements are equal, byte for byte; the second build took $took s"
