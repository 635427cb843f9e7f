#!/bin/bash
# A QEMU guest with Debian's stock kernel, real AF_VSOCK and its loopback on CID 1.
#
# usage: boot.sh ROOT LOG
#   ROOT  folder that becomes the guest's root; /sealnote/flow.sh and a static /sealnote/sealnote-parent must be in it,
#         busybox and what else it takes to get there are added
#   LOG   takes what the guest printed, which is printed too
#
# Needs neither root nor KVM. SEALNOTE_GUEST_TIMEOUT: seconds, 600 unless it says otherwise.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
root="$1" log="$2"
"$here/../need.sh" qemu-system-x86_64=qemu-system-x86 busybox=busybox-static cpio=cpio \
    modinfo=kmod xz=xz-utils zstd=zstd

kernel="$("$here/kernel.sh")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$root"/{bin,modules}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$kernel"/*.ko "$root/modules"
cp "$here/init" "$root/init"
# Uncompressed: inflating it in the guest would take longer than loading it.
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$work/initrd"

start=$SECONDS
# q35 for its clocks: without them the kernel cannot tell how fast a busy emulator runs, and waits
# for ever. reboot=t so that the guest's end is QEMU's end.
status=0
timeout --kill-after=10 "${SEALNOTE_GUEST_TIMEOUT:-600}" qemu-system-x86_64 \
    -M q35 -accel tcg -cpu max -smp 2 -m 1024M -nodefaults -no-user-config \
    -display none -serial stdio -no-reboot -kernel "$kernel/vmlinuz" -initrd "$work/initrd" \
    -append "console=ttyS0 reboot=t panic=-1 quiet sealnote_now=$(date +%s)" \
    </dev/null | tee "$log" | sed -u "s/^/  | /" || status=$?
if [ "$status" != 0 ]; then
    echo "vsock guest: QEMU ended with exit code $status after $((SECONDS - start)) s" >&2
    exit 1
fi
