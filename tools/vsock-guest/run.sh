#!/bin/bash
# The three programs in a QEMU guest with Debian's stock kernel, over real AF_VSOCK on CID 1.
#
# usage: run.sh PROGRAMS MODEL NOTES
#   PROGRAMS  folder with static builds of sealnote, sealnote-parent, sealnote-enclave (with the
#             software attester) and of the transport's own test, `streams`
#   MODEL     model folder
#   NOTES     JSONL file; its three shortest notes are submitted, for emulation is slow
#
# Needs neither root nor KVM. SEALNOTE_GUEST_TIMEOUT: as boot.sh has it.
# Exit code 0 only if the guest said that all went well, and its results are the notes' results.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
programs="$1" model="$2" notes="$3"
"$here/../need.sh" python3=python3

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

root="$work/root"
mkdir -p "$root/sealnote/model"
cp "$here/flow.sh" "$programs"/{sealnote,sealnote-parent,sealnote-enclave,streams} "$root/sealnote"
cp "$model"/{config.json,tokenizer.json,model.safetensors} "$root/sealnote/model"
python3 - "$notes" >"$root/sealnote/notes.jsonl" <<'PYTHON'
import sys
with open(sys.argv[1], encoding="utf-8") as notes:
    sys.stdout.writelines(sorted(notes, key=len)[:3])
PYTHON

log="$work/serial.log"
start=$SECONDS
"$here/boot.sh" "$root" "$log"
"$here/judge.py" "$log" "$root/sealnote/notes.jsonl" "$model/config.json"
echo "vsock guest: $((SECONDS - start)) s under emulation"
