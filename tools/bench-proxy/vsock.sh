#!/bin/bash
# sealnote-parent beside socat, from TCP to vsock, in a QEMU guest. Emulated: its ratios count, its figures do not.
#
# usage: vsock.sh BENCH PARENT TABLE ARGUMENT...   (TABLE takes the result; arguments are those of BENCH run --help)
#   BENCH and PARENT are static programs. SEALNOTE_GUEST_TIMEOUT: seconds, 1200 unless it says otherwise.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
bench="$1" parent="$2" table="$3"
shift 3
"$here/../need.sh" socat=socat ldd=libc-bin

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir -p "$root/sealnote" "$root/bin"
cp "$here/guest.sh" "$root/sealnote/flow.sh"
cp "$bench" "$root/sealnote/bench-proxy"
cp "$parent" "$root/sealnote/sealnote-parent"
printf '%s\n' "$@" >"$root/sealnote/arguments"
# Debian's socat is linked dynamically: each library goes where the loader looks for it.
cp "$(command -v socat)" "$root/bin"
ldd "$(command -v socat)" | grep -o '/[^ ]*' | while read -r library; do
    install -D -T "$library" "$root$library"
done

export SEALNOTE_GUEST_TIMEOUT="${SEALNOTE_GUEST_TIMEOUT:-1200}"
"$here/../vsock-guest/boot.sh" "$root" "$work/log"
tr -d '\r' <"$work/log" >"$work/lines"
grep -qx 'guest: PASS bench' "$work/lines" || { echo "bench-proxy: the guest did not finish" >&2; exit 1; }
sed -n 's/^table: //p' "$work/lines" >"$table"
