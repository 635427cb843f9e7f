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
# neither root nor KVM. SEALNOTE_GUEST_TIMEOUT: seconds, 600 unless it says otherwise; likewise
# SEALNOTE_GUEST_MEMORY, 512M, of the Nitro machine.
set -euo pipefail
here="$(realpath "$(dirname "$0")")"
programs="$1" images="$2" model="$3" notes="$4"
"$here/../need.sh" busybox=busybox-static cpio=cpio python3=python3
qemu="$("$here/qemu.sh")"

# What the Nitro machine gets.
MEMORY="${SEALNOTE_GUEST_MEMORY:-512M}"
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
        -display none -serial stdio -no-reboot "$@" <"${input:-/dev/null}" > >(keep "$name") 2>&1 &
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
    while ! grep -aqE -- "$2" "$work/$1.log" 2>/dev/null; do
        [ $alive = yes ] || fail "$1 ended, and said nothing like: $2"
        [ $SECONDS -le $until ] || fail "$1 did not say within $3 s: $2"
        [ $SECONDS -le $deadline ] || fail "the time is up, with $1 not having said: $2"
        # Once more after its end: the last lines come late.
        kill -0 "${pids[$1]}" 2>/dev/null || { alive=no && sleep 1; }
        sleep 0.1
    done
    grep -aE -m 1 -- "^[0-9.]+ .*${2#^}" "$work/$1.times" | cut -d ' ' -f 1
}

# await_end NAME SECONDS: until the machine has ended by itself; returns its exit code.
await_end() {
    local until=$((SECONDS + $2)) status=0
    while kill -0 "${pids[$1]}" 2>/dev/null; do
        [ $SECONDS -le $until ] || fail "$1 did not end within $2 s"
        sleep 0.1
    done
    wait "${pids[$1]}" || status=$?
    unset "pids[$1]"
    return $status
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

# give_parent TEXT FILE: a file of the parent's guest.
give_parent() { in_parent 20 "echo $(base64 -w 0 <<<"$1") | base64 -d >$2"; }

# The device that joins all machines; 3 is the parent instance, the others are enclaves.
devices=()
for cid in 3 16 17 18 19 20 21; do
    devices+=(--vm "guest-cid=$cid,socket=$work/$cid.vhost,uds-path=$work/$cid.vsock")
done
: >"$work/vsock.log"
"$qemu/vhost-device-vsock" "${devices[@]}" >"$work/vsock.log" 2>&1 &
pids[vsock]=$!
until [ "$(find "$work" -name '*.vhost' | wc -l)" = $((${#devices[@]} / 2)) ]; do
    kill -0 "${pids[vsock]}" 2>/dev/null || fail "the vsock device did not start"
    sleep 0.1
done

# The parent's guest: the enclave's own kernel, for it has what is needed and no more.
mkdir -p "$work/image" "$work/root"/{bin,etc,sealnote}
"$here/eif.py" unpack "$images/sealnote.eif" "$work/image"
python3 - "$notes" >"$work/notes.jsonl" <<'PYTHON'
import sys
with open(sys.argv[1], encoding="utf-8") as notes:
    sys.stdout.writelines(sorted(notes, key=len)[:3])
PYTHON
cp "$(command -v busybox)" "$work/root/bin/busybox"
ln -s bin/busybox "$work/root/init"
echo '::sysinit:/bin/busybox sh /sealnote/parent.sh' >"$work/root/etc/inittab"
cp "$here/parent.sh" "$programs"/{sealnote,sealnote-parent,nitro-probe} "$images/sealnote.json" \
    "$work/notes.jsonl" "$work/root/sealnote"
(cd "$work/root" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0) >"$work/parent.cpio"
mkfifo "$work/commands"
exec {to_parent}<>"$work/commands"
input="$work/commands" plain parent 3 256M "$work/image/kernel" "$work/parent.cpio" "console=ttyS0 reboot=t panic=-1 quiet"
await parent '^guest: booted' 60 >/dev/null
# It answers every enclave's heartbeat, as nitro-cli would. Its own enclave is nowhere: of a CID whose machine is not there
# yet, QEMU's vsock device loses the first connection, and all that come after it.
in_parent 10 './sealnote-parent --listen unix:/tmp/nobody --enclave unix:/tmp/nowhere --answer-heartbeat vsock:any:9000 &'
await parent ' heartbeats are answered on vsock:any:9000$' 20 >/dev/null

# The release image: it boots, is measured as predicted, attests to each connection anew, and gets no
# note by a document that nobody signed.
enclave release 16 "$images/sealnote.eif"
at="$(await parent ' heartbeat answered cid=16$' 60)"
ok "the release image boots: the parent answers the heartbeat of CID 16, $(since release "$at") s after power-on"
at="$(await release '^sealnote-enclave: ready on vsock:any:5005$' 120)"
ok "the enclave is ready $(since release "$at") s after power-on, with $MEMORY"
probe="--policy sealnote.json --model $("$programs/sealnote" model-digest "$model")"
in_parent 120 "./nitro-probe document --server vsock:16:5005 $probe" || fail "the document is not as it must be"
in_parent 10 './sealnote-parent --listen unix:/tmp/release --enclave vsock:16:5005 &'
in_parent 120 "./nitro-probe document --server unix:/tmp/release $probe" || fail "the document is not as it must be through the parent"
in_parent 120 './nitro-probe refusal --server unix:/tmp/release --client ./sealnote --policy sealnote.json --notes notes.jsonl --check A2' ||
    fail "the client did not refuse an unsigned document as it must"
# The device's socket is how the host, which has CID 2, connects.
closed="$(python3 - "$work/16.vsock" <<'PYTHON'
import socket, sys, time
with socket.socket(socket.AF_UNIX) as stream:
    # Less than an enclave waits for a hello.
    stream.settimeout(5)
    stream.connect(sys.argv[1])
    stream.sendall(b"CONNECT 5005\n")
    begun, said = time.monotonic(), b""
    try:
        while chunk := stream.recv(64):
            said += chunk
    except ConnectionResetError:
        pass
    except TimeoutError:
        sys.exit("it stays open")
    if not said.startswith(b"OK "):
        sys.exit(f"no connection: {said}")
    print(f"{time.monotonic() - begun:.1f} s")
PYTHON
)" || fail "a connection from another CID than the parent's was not closed"
ok "a connection from CID 2 is closed at once, in $closed"
stop release

# The test image: a whole session. Its root and measurements come out on its serial line.
enclave test 17 "$images/sealnote-test.eif"
await parent ' heartbeat answered cid=17$' 60 >/dev/null
await test '^sealnote-enclave: ready on' 120 >/dev/null
give_parent "$(sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$work/test.log")" /tmp/root.pem
give_parent "$(sed -n '/^{$/,/^}$/p' "$work/test.log")" /tmp/measurements.json
in_parent 10 './sealnote-parent --listen unix:/tmp/test --enclave vsock:17:5005 &'
submit="./sealnote submit --server unix:/tmp/test --danger-accept-software-root /tmp/root.pem"
in_parent 120 "head -n 1 notes.jsonl | $submit --policy /tmp/measurements.json - >/dev/null" || fail "no answer for the first note"
ok "the first answer $(since test "$EPOCHREALTIME") s after power-on of the test image"
in_parent 180 "$submit --policy /tmp/measurements.json notes.jsonl --scores all -o /tmp/results.jsonl" || fail "the notes were not classified"
in_parent 20 "sed 's/^/result: /' /tmp/results.jsonl; echo guest: PASS flow"
judged="$("$here/../vsock-guest/judge.py" "$work/parent.log" "$work/notes.jsonl" "$model/config.json")"
ok "the test image: ${judged#vsock guest: }"
! in_parent 60 "$submit --policy sealnote.json notes.jsonl -o /tmp/none.jsonl" ||
    fail "the test image was accepted in the release image's place"
ok "under the release image's measurements the test image gets no note"
stop test

# An encrypted model. The enclave asks for its key, through a parent's egress, of the model owner's service. Both run on the host,
# whose CID is 2 and whose end of a port is a socket in a folder: the enclave's kernel, which the parent's guest has too, knows no TCP.
# The root of the software attester is known only once it runs, so the service comes after the enclave has asked.
owner="$work/owner"
mkdir "$owner"
"$programs/sealnote" --quiet model new-key "$owner/ward.key" >/dev/null
"$programs/sealnote" --quiet model encrypt "$model" --out "$owner/encrypted" --key "$owner/ward.key" --key-id ward >/dev/null
"$programs/sealnote" --quiet key new "$owner/releaser.pem" >"$owner/releaser.pub"
digest="$("$programs/sealnote" model-digest "$model")"
{
    cat "$here/../eif/test.arguments"
    printf '%s\n' --model-encryption-key-url sealnote://owner.example:7443 --model-digest "$digest" --model-key-id ward \
        --key-via vsock:2:8443 --releaser-key "$(cat "$owner/releaser.pub")"
} >"$owner/arguments"
"$here/../eif/build.sh" "$programs/sealnote-enclave" "$owner/encrypted" "$owner/arguments" "$owner/encrypted.eif" >"$work/build.log" 2>&1 ||
    fail "the image with an encrypted model is not built"
port="$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')"
printf 'allowlist:\n- {address: 127.0.0.1, port: %s}\n' "$port" >"$owner/egress.yaml"
"$programs/sealnote-parent" --listen "unix:$work/nobody" --enclave "unix:$work/nowhere" \
    --egress "unix:$work/17.vsock_8443=127.0.0.1:$port" --egress-allowlist "$owner/egress.yaml" >"$work/egress.log" 2>&1 &
pids[egress]=$!
enclave encrypted 17 "$owner/encrypted.eif"
await encrypted '^sealnote-enclave: the key ward of model .* is asked for' 120 >/dev/null
sed -n '/^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$work/encrypted.log" >"$owner/root.pem"
sed -n '/^{$/,/^}$/p' "$work/encrypted.log" >"$owner/measurements.json"
"$programs/sealnote" --quiet policy new "$owner/measurements.json" --model-digest "$digest" -o "$owner/policy.json" >/dev/null 2>&1
"$programs/sealnote" release --listen "tcp:127.0.0.1:$port" --policy "$owner/policy.json" --danger-accept-software-root "$owner/root.pem" \
    --key "$owner/ward.key" --key-id ward --signing-key "$owner/releaser.pem" --anybody --log "$work/releases.log" >"$work/release.log" 2>&1 &
pids[release]=$!
await encrypted "^sealnote-enclave: the model's key was released" 120 >/dev/null
at="$(await encrypted '^sealnote-enclave: ready on' 120)"
ok "an encrypted model, its key released through a parent's egress: ready $(since encrypted "$at") s after power-on"
give_parent "$(cat "$owner/root.pem")" /tmp/owner.pem
give_parent "$(cat "$owner/measurements.json")" /tmp/owner.json
in_parent 10 './sealnote-parent --listen unix:/tmp/encrypted --enclave vsock:17:5005 &'
submit="./sealnote submit --server unix:/tmp/encrypted --danger-accept-software-root /tmp/owner.pem"
in_parent 180 "$submit --policy /tmp/owner.json notes.jsonl --scores all -o /tmp/encrypted.jsonl" || fail "the notes were not classified by the encrypted model"
in_parent 20 'for file in results encrypted; do sed "s/,\"evidence\":\"[^\"]*\"//" /tmp/$file.jsonl >/tmp/$file.scores; done; cmp /tmp/results.scores /tmp/encrypted.scores' ||
    fail "the encrypted model's results are not those of the plain one"
ok "the encrypted model's results are those of the plain one"
! grep -qF "$(cat "$owner/ward.key")" "$work"/*.log || fail "the model's key is in a log"
stop release
stop egress
stop encrypted

# Too little memory.
enclave small 18 "$images/sealnote.eif" 192M
await small '^sealnote-enclave: too little memory' 60 >/dev/null
await_end small 20 || fail "QEMU failed with little memory"
ok "with 192M: $(grep -m 1 '^sealnote-enclave: too little memory' "$work/small.log")"

# One bit flipped.
for part in header crc kernel ramdisk; do
    "$here/eif.py" flip "$images/sealnote.eif" $part "$work/flipped.eif"
    enclave "$part" 20 "$work/flipped.eif"
    await "$part" 'CRC mismatch' 20 >/dev/null
    ! await_end "$part" 20 || fail "QEMU booted an image with a bit flipped in its $part"
    ok "a bit flipped in the image's $part: $(tail -n 1 "$work/$part.log")"
done
! grep -q ' heartbeat .* cid=20$' "$work/parent.log" || fail "a changed image had a heartbeat"

# One bit flipped, and the checksum mended: it boots, and its measurements tell.
"$here/eif.py" flip "$images/sealnote.eif" cmdline "$work/changed.eif"
enclave changed 21 "$work/changed.eif"
await changed '^sealnote-enclave: ready on' 120 >/dev/null
! in_parent 120 "./nitro-probe document --server vsock:21:5005 $probe" || fail "a changed command line is not measured"
changed="$(grep -m 1 '^FAIL PCR0: ' "$work/parent.log")" || fail "a changed command line is not in PCR0"
ok "a bit flipped in the command line, and the checksum mended: ${changed#FAIL }"
stop changed

# The same kernel and ramdisks where there is no security module.
plain bare 19 "$MEMORY" "$work/image/kernel" "$work/image/ramdisks" "$(tr -d '\0' <"$work/image/cmdline")"
await bare '^sealnote-enclave: /dev/nsm cannot be opened' 120 >/dev/null
await_end bare 20 || fail "QEMU failed with the plain machine"
! grep -q '^sealnote-enclave: ready' "$work/bare.log" || fail "the enclave serves without a security module"
ok "without a security module the enclave ends: $(grep -m 1 /dev/nsm "$work/bare.log")"

echo "nitro guest: all is as it must be, in $SECONDS s under emulation"
