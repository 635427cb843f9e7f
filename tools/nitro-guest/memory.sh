#!/bin/bash
# What the enclave's kernel takes for connections that nobody reads, against what the enclave sets aside:
# two guests with that kernel, one of which listens as the enclave does, and the other floods it.
#
# usage: memory.sh VSOCK_FLOOD
#   VSOCK_FLOOD  a static build of tests/src/bin/vsock_flood.rs
#
# What is found is printed in lines that begin with `ok: `. Needs neither root nor KVM.
# SEALNOTE_GUEST_TIMEOUT: seconds, 180 unless it says otherwise.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
flood="$1"
"$here/../need.sh" busybox=busybox-static cpio=cpio
qemu="$("$here/qemu.sh")"
kernel="$("$here/../eif/kernel.sh")"

# Sockets have short names.
work="$(mktemp -d /tmp/memory-guest.XXXXXX)"
declare -A pids
finish() {
    local status=$?
    trap - EXIT
    [ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

# guest NAME CID MEMORY COMMAND: a machine that runs one command of vsock-flood, and ends.
guest() {
    local name="$1" cid="$2" memory="$3" root="$work/$1"
    mkdir -p "$root"/{bin,etc}
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$flood" "$root/vsock-flood"
    # The enclave's kernel starts no scripts, so busybox is init.
    ln -s bin/busybox "$root/init"
    echo '::sysinit:/bin/busybox sh /run.sh' >"$root/etc/inittab"
    cat >"$root/run.sh" <<RUN
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/vsock-flood $4
echo "guest: exit \$?"
# The serial line is given time to drain.
/bin/busybox sleep 1
/bin/busybox reboot -f
RUN
    (cd "$root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$work/$name.cpio"
    "$qemu/qemu-system-x86_64" -L "$qemu/firmware" -accel tcg -cpu max -nodefaults -no-user-config \
        -display none -serial stdio -no-reboot -M microvm,acpi=off,memory-backend=memory -m "$memory" \
        -object memory-backend-memfd,id=memory,share=on,size="$memory" -kernel "$kernel" \
        -initrd "$work/$name.cpio" -append "console=ttyS0 reboot=t panic=-1 quiet" \
        -chardev socket,id=vsock,path="$work/$cid.vhost" -device vhost-user-vsock-device,chardev=vsock \
        </dev/null > >(sed -u 's/\r$//' | tee "$work/$name.log" | sed -u "s/^/  $name| /") 2>&1 &
    pids[$name]=$!
}

devices=()
for cid in 3 16; do
    devices+=(--vm "guest-cid=$cid,socket=$work/$cid.vhost,uds-path=$work/$cid.vsock")
done
"$qemu/vhost-device-vsock" "${devices[@]}" >"$work/vsock.log" 2>&1 &
pids[vsock]=$!
until [ -S "$work/3.vhost" ] && [ -S "$work/16.vhost" ]; do
    kill -0 "${pids[vsock]}" 2>/dev/null || { cat "$work/vsock.log" >&2; exit 1; }
    sleep 0.1
done

begun=$SECONDS
# await PATTERN: until the enclave's machine has said it.
await() {
    until grep -q "$1" "$work/enclave.log" 2>/dev/null; do
        kill -0 "${pids[enclave]}" 2>/dev/null || { echo "memory guest: the machine ended" >&2; exit 1; }
        [ $((SECONDS - begun)) -le "${SEALNOTE_GUEST_TIMEOUT:-180}" ] || { echo "memory guest: the time is up" >&2; exit 1; }
        sleep 0.2
    done
}

guest enclave 16 512M "hold vsock:any:5005"
await ' listens'
guest instance 3 256M "send vsock:16:5005"
await '^guest: exit '
grep -q '^guest: exit 0$' "$work/enclave.log" || { echo "memory guest: FAIL" >&2; exit 1; }
grep '^ok: ' "$work/enclave.log"
echo "memory guest: all is as it must be, in $((SECONDS - begun)) s"
