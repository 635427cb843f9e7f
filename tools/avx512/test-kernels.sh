#!/bin/bash
# The kernels' tests on an emulated processor with AVX-512 VNNI, for machines that have none: a guest in Bochs, on the
# enclave's kernel. No other emulator in Debian has these instructions.
#
# usage: test-kernels.sh [TEST...]     parts of names; all unless some are named, which takes some five minutes
#
# Needs no root. SEALNOTE_GUEST_TIMEOUT: seconds, 900 unless it says otherwise.
# Exit code 0 only if the guest said that tests ran, and passed.
set -euo pipefail
cd "$(dirname "$0")/../.."
isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
terminal=/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so
bios=/usr/share/bochs/BIOS-bochs-latest
vgabios=/usr/share/vgabios/vgabios.bin
needed=(bochs-bin=bochs busybox=busybox-static cpio=cpio script=bsdutils setpriv=util-linux xorriso=xorriso)
# What is no program is looked for here; need.sh takes it for one that is missing.
for pair in "$isolinux=isolinux" "$ldlinux=syslinux-common" "$terminal=bochs-term" "$bios=bochsbios" "$vgabios=vgabios"; do
    [ -e "${pair%%=*}" ] || needed+=("$pair")
done
tools/need.sh "${needed[@]}"

# That the set is there is always one of the tests.
[ $# = 0 ] || set -- "$@" the_portable_set_is_always_there

kernel="$(tools/eif/kernel.sh)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

host="$(rustc -vV | sed -n 's/^host: //p')"
tests="$(RUSTFLAGS="-C target-feature=+crt-static -D warnings" cargo test --locked --no-run --message-format=json-render-diagnostics \
    -p sealnote-kernels --lib --target "$host" --target-dir target/avx512 |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')"

mkdir -p "$work"/{root,disk/isolinux}
strip -o "$work/root/tests" "$tests"
cp "$(command -v busybox)" "$work/root/busybox"
# The serial line is given time to drain.
cat >"$work/root/run" <<RUN
SEALNOTE_ISAS="avx512-vnni avx2 portable" /tests --test-threads=1 ${*@Q}
echo "guest: the tests ended with exit code \$?"
/busybox sleep 2
RUN
(cd "$work/root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$work/disk/initrd"
cp "$kernel" "$work/disk/bzImage"
cp "$isolinux" "$ldlinux" "$work/disk/isolinux"
# Bochs counts instructions as time, and not as many as its processor says; this one's state of PKU has a size of 0,
# and the compacted form of all state one that Linux does not expect.
options=(console=ttyS0 panic=-1 nokaslr mitigations=off lpj=1000000 tsc=reliable tsc_early_khz=50000
    nolapic_timer nox2apic idle=halt nopku clearcpuid=pku,ospke,xsavec,xsaves,tsc_deadline_timer
    rdinit=/busybox -- sh /run)
cat >"$work/disk/isolinux/isolinux.cfg" <<CONFIG
DEFAULT tests
PROMPT 0
LABEL tests
  LINUX /bzImage
  INITRD /initrd
  APPEND ${options[*]}
CONFIG
xorriso -as mkisofs -quiet -o "$work/tests.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
    -boot-load-size 4 -boot-info-table "$work/disk" 2>"$work/xorriso" || { cat "$work/xorriso" >&2; exit 1; }

cat >"$work/bochsrc" <<CONFIG
config_interface: textconfig
display_library: term
memory: guest=256, host=256
romimage: file=$bios
vgaromimage: file=$vgabios
cpu: model=corei7_icelake_u, count=1, ips=50000000, reset_on_triple_fault=0
boot: cdrom
ata0-master: type=cdrom, path=$work/tests.iso, status=inserted
com1: enabled=1, mode=file, dev=$work/serial
speaker: enabled=0
log: $work/log
panic: action=fatal
clock: sync=none
CONFIG
# Debian's Bochs has its debugger built in, which waits for a command.
echo c >"$work/commands"
log="$work/serial"
touch "$log"
start=$SECONDS
# It wants a terminal, and takes a friendlier signal as a key. It ends with the guest, whose
# kernel reboots by a triple fault.
TERM=vt100 setpriv --pdeathsig TERM script -qec "timeout --signal=KILL ${SEALNOTE_GUEST_TIMEOUT:-900} bochs-bin -q -f $work/bochsrc -rc $work/commands" \
    /dev/null >"$work/screen" 2>&1 </dev/null || true
tail -n 30 "$log" | sed 's/^/  | /'
if ! grep -q "^test result: ok. [1-9]" "$log" || ! grep -q "^guest: the tests ended with exit code 0" "$log"; then
    # What Bochs itself says matters where the guest says nothing.
    [ -s "$log" ] || tail -n 5 "$work/log" >&2
    echo "avx512: the tests did not pass, after $((SECONDS - start)) s" >&2
    exit 1
fi
echo "avx512: passed in $((SECONDS - start)) s, emulated"
