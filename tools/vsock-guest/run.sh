#!/bin/bash
# The three programs in a QEMU guest with Debian's stock kernel, over real AF_VSOCK on CID 1.
#
# usage: run.sh PROGRAMS MODEL NOTES
#   PROGRAMS  folder with static builds of sealnote, sealnote-parent, sealnote-enclave (with the
#             software attester) and of the transport's test `streams`
#   MODEL     model folder
#   NOTES     JSONL file, of which the shortest few notes are submitted: emulation is slow
#
# Needs apt-get, dpkg-deb, cpio, qemu-system-x86_64 and a static busybox; neither root nor KVM.
set -euo pipefail
cd "$(dirname "$0")"

programs="$(realpath -s "$1")" model="$(realpath -s "$2")" notes="$(realpath -s "$3")"
echo "unreachable"
