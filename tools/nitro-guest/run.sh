#!/bin/bash
# The genuine enclave image in QEMU's Nitro machine, with its module and its measurements, beside a
# guest that stands for the parent instance and has its CID, 3.
#
# usage: run.sh PROGRAMS EIF MODEL NOTES
#   PROGRAMS  folder with static builds of sealnote, sealnote-parent and nitro-probe
#   EIF       folder with sealnote.eif, sealnote.json, and sealnote-test.eif, whose enclave has the
#             software attester
#   MODEL     the model that is in both
#   NOTES     JSONL file; its three shortest notes are submitted, for emulation is slow
#
# What is found is printed in lines that begin with `ok: `; exit code 0 only if all of it is. Needs
# neither root nor KVM. SEALNOTE_GUEST_TIMEOUT: seconds, 600 unless it says otherwise.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
programs="$1" images="$2" model="$3" notes="$4"
"$here/../need.sh" busybox=busybox-static cpio=cpio python3=python3
qemu="$("$here/qemu.sh")"

# What the Nitro machine gets; the default model is content with far less.
MEMORY=512M
deadline=$((SECONDS + ${SEALNOTE_GUEST_TIMEOUT:-600}))
# Sockets have short names.
work="$(mktemp -d /tmp/nitro-guest.XXXXXX)"
declare -A pids started

finish() {
    local status=$?
    trap - EXIT
    # By number and at once: with reboot=k a guest's end is not always QEMU's.
    [ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

fail() {
    local log
    echo "nitro guest: FAIL $*" >&2
    for log in "$work"/*.log; do
        echo "--- the end of ${log##*/}" >&2
        tail -n 15 "$log" >&2
    done
    exit 1
}

ok() { echo "ok: $*"; }

# since NAME TIME: seconds from the start of NAME to TIME, as $EPOCHREALTIME has it.
since() { awk -v from="${started[$1]}" -v to="$2" 'BEGIN { printf "%.1f", to - from }'; }

# keep NAME: standard input into NAME.log as it is, into NAME.times with the time, and to the screen.
keep() {
    local line
    : >"$work/$1.log"
    while IFS= read -r line; do
        line="${line%$'\r'}"
        printf '%s %s\n' "$EPOCHREALTIME" "$line" >>"$work/$1.times"
        printf '%s\n' "$line" >>"$work/$1.log"
        printf '  %-8s| %s\n' "$1" "$line"
    done
}

# start NAME QEMU_ARGUMENT...: a machine, its serial line kept.
start() {
    local name="$1"
    shift
    started[$name]="$EPOCHREALTIME"
    # QEMU takes an image apart in its folder for temporary files.
    TMPDIR="$work" "$qemu/qemu-system-x86_64" -L "$qemu/firmware" -accel tcg -cpu max -nodefaults -no-user-config \
        -display none -serial stdio -no-reboot "$@" 2>&1 </dev/null > >(keep "$name") &
    pids[$name]=$!
}

stop() {
    kill -KILL "${pids[$1]}" 2>/dev/null || true
    wait "${pids[$1]}" 2>/dev/null || true
    unset "pids[$1]"
}

# enclave NAME CID IMAGE [MEMORY]: an image in the Nitro machine.
enclave() {
    start "$1" -M nitro-enclave,vsock=vsock,id="i-0123456789abcdef0-enc$2" -m "${4:-$MEMORY}" -kernel "$3" \
        -chardev socket,id=vsock,path="$work/$2.vhost"
}

# plain NAME CID MEMORY KERNEL INITRD CMDLINE: a machine with vsock and without a security module.
plain() {
    start "$1" -M microvm,acpi=off,memory-backend=memory -m "$3" -kernel "$4" -initrd "$5" -append "$6" \
        -object memory-backend-memfd,id=memory,share=on,size="$3" \
        -chardev socket,id=vsock,path="$work/$2.vhost" -device vhost-user-vsock-device,chardev=vsock
}

# await NAME PATTERN SECONDS: until NAME's log has the line; prints when it came. Fails when NAME has
# ended without it.
await() {
    local until=$((SECONDS + $3)) alive=yes
    [ $until -le $deadline ] || until=$deadline
    while ! grep -aqE -- "$2" "$work/$1.log" 2>/dev/null; do
        [ $alive = yes ] || fail "$1 ended, and said nothing like: $2"
        [ $SECONDS -le $until ] || fail "$1 did not say within $3 s: $2"
        # Once more after its end: the last lines come late.
        kill -0 "${pids[$1]}" 2>/dev/null || { alive=no && sleep 0.5; }
        sleep 0.1
    done
    grep -aE -m 1 -- "^[0-9.]+ .*${2#^}" "$work/$1.times" | cut -d ' ' -f 1
}

# await_end NAME SECONDS: until the machine has ended by itself.
await_end() {
    local until=$((SECONDS + $2))
    while kill -0 "${pids[$1]}" 2>/dev/null; do
        [ $SECONDS -le $until ] || fail "$1 did not end within $2 s"
        sleep 0.1
    done
    unset "pids[$1]"
}

# in_parent SECONDS COMMAND: in the parent's guest; prints what it found. Its exit code is returned.
command_number=0
in_parent() {
    local seconds="$1" from
    command_number=$((command_number + 1))
    from="$(wc -l <"$work/parent.log")"
    # A longer line would be cut short on the way.
    [ ${#2} -lt 4000 ] || fail "too long a command for the guest"
    echo "$command_number $2" >&"$to_parent"
    await parent "^guest: $command_number exit " "$seconds" >/dev/null
    tail -n "+$((from + 1))" "$work/parent.log" | grep -a '^ok: ' || true
    return "$(sed -n "s/^guest: $command_number exit //p" "$work/parent.log")"
}

# give_parent FILE: from standard input into a file of the parent's guest.
give_parent() { in_parent 20 "echo $(base64 -w 0) | base64 -d >$1"; }
