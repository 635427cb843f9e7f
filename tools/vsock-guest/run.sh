#!/bin/bash
# The three programs in a QEMU guest with Debian's stock kernel, over real AF_VSOCK on CID 1.
#
# usage: run.sh PROGRAMS MODEL NOTES
#   PROGRAMS  folder with static builds of sealnote, sealnote-parent, sealnote-enclave (with the
#             software attester) and of the transport's own test, `streams`
#   MODEL     model folder
#   NOTES     JSONL file; its three shortest notes are submitted, for emulation is slow
#
# Needs neither root nor KVM. SEALNOTE_GUEST_TIMEOUT: seconds, 600 unless it says otherwise.
# Exit code 0 only if the guest said that all went well, and its results are the notes' results.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
programs="$1" model="$2" notes="$3"
"$here/../need.sh" qemu-system-x86_64=qemu-system-x86 busybox=busybox-static cpio=cpio \
    modinfo=kmod xz=xz-utils zstd=zstd python3=python3

kernel="$("$here/kernel.sh")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

root="$work/root"
mkdir -p "$root"/{bin,modules,sealnote/model}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$kernel"/*.ko "$root/modules"
cp "$here/init" "$root/init"
cp "$here/flow.sh" "$programs"/{sealnote,sealnote-parent,sealnote-enclave,streams} "$root/sealnote"
cp "$model"/{config.json,tokenizer.json,model.safetensors} "$root/sealnote/model"
python3 - "$notes" >"$root/sealnote/notes.jsonl" <<'PYTHON'
import sys
with open(sys.argv[1], encoding="utf-8") as notes:
    sys.stdout.writelines(sorted(notes, key=len)[:3])
PYTHON
# Uncompressed: inflating it in the guest would take longer than loading it.
(cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$work/initrd"

log="$work/serial.log"
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
"$here/judge.py" "$log" "$root/sealnote/notes.jsonl" "$model/config.json"
echo "vsock guest: $((SECONDS - start)) s under emulation"
