#!/bin/bash
# Two parties who do not trust each other, and an operator whom neither trusts. The model's owner gives the model away
# encrypted, and its key to nobody but an enclave that the owner's policy accepts; the data's owner sends notes to nobody but
# an enclave that the hospital's policy accepts. Three folders, and what passes between them is named.
#
# usage: demo.sh [NOTES]
set -euo pipefail
cd "$(dirname "$0")/../.."
notes="${1:-${NOTES:-examples/notes.jsonl}}"
tools/need.sh python3=python3
. tools/stack.sh
choose_transport
owner="$sockets/owner" hospital="$sockets/hospital" operator="$sockets/operator"
mkdir "$owner" "$hospital" "$operator"
files="$operator"
sealnote="$programs/sealnote"

# hand FROM TO WHAT FILE...: the only way from one folder to another.
hand() {
    local from="$1" to="$2" what="$3"
    shift 3
    cp -r "$@" "${!to}"
    printf '   %-9s → %-9s %s\n' "$from" "$to" "$what"
}

# fails LOG COMMAND...: it must fail; its standard error goes to LOG.
fails() {
    local log="$1"
    shift
    if "$@" >/dev/null 2>"$log"; then
        echo "it was not refused as it should have been: $*" >&2
        exit 1
    fi
}

# other POLICY: the same with one digit of PCR0 changed.
other() { sed -e 's/\("pcr0": *"\)f/\10/I' -e t -e 's/\("pcr0": *"\)[0-9a-e]/\1f/I' "$1"; }

shorten() { sed 's/\([0-9a-f]\{16\}\)[0-9a-f]\{80\}/\1…/g'; }

echo "1. The owner of the model encrypts it, and makes the key that signs what is released; the hospital makes its own."
echo
mkdir -m 700 "$owner/keys"
"$sealnote" --quiet model new-key "$owner/keys/ward.key" >/dev/null
"$sealnote" --quiet model encrypt "$model" --out "$owner/encrypted" --key "$owner/keys/ward.key" --key-id ward >/dev/null
digest="$("$sealnote" model-digest "$model")"
"$sealnote" --quiet key new "$owner/releaser.pem" >"$owner/releaser.pub"
"$sealnote" --quiet key new "$hospital/client.pem" >"$hospital/client.pub"
hand owner operator "the encrypted model, and the releaser's public key" "$owner/encrypted" "$owner/releaser.pub"
hand hospital owner "the client's public key" "$hospital/client.pub"

echo
echo "2. The operator starts a parent and an enclave. The enclave asks for the model's key, and gets it if the owner's policy"
echo "   accepts its evidence. At first the owner's policy names another image."
echo
# What the operator's network sees. The owner's service has no address yet.
echo 127.0.0.1:1 >"$operator/owner.address"
start wiretap "listening on" tools/two-parties/wiretap.py "@$operator/owner.address" "$operator/egress.capture"
printf 'allowlist:\n- {address: 127.0.0.1, port: %s}\n' "${said##*:}" >"$operator/allowlist.yaml"
egress="unix:$operator/egress"
case "$enclave_at" in unix:*) listen="unix:$operator/enclave" ;; *) listen=vsock:1:5005 ;; esac
start parent "listening on" "$programs/sealnote-parent" --listen tcp:127.0.0.1:0 --enclave "$listen" \
    --egress "$egress=$said" --egress-allowlist "$operator/allowlist.yaml"
echo "$said" | sed "s/^tcp://" >"$operator/server"

# enclave: starts one, and hands over what it is measured as. (In earnest measurements come of the image, which each party builds
# or has from somebody whom it trusts, and the root is the vendor's; a development attester makes a root at each start.)
enclave() {
    rm -f "$operator"/{root.pem,measurements.json} "$owner"/*.json "$hospital"/*.json
    start enclave "the key" "$programs/sealnote-enclave" --listen "$listen" --peer-cid 1 --model "$operator/encrypted" --attester software \
        --software-root-out "$operator/root.pem" --measurements-out "$operator/measurements.json" \
        --model-encryption-key-url sealnote://owner.example:7443 --model-digest "$digest" --model-key-id ward \
        --key-via "$egress" --releaser-key "$(cat "$operator/releaser.pub")"
    enclave="${started[-1]}"
    hand operator owner "the image's measurements" "$operator/measurements.json" "$operator/root.pem"
    hand operator hospital "the image's measurements" "$operator/measurements.json" "$operator/root.pem"
    local party
    for party in "$owner" "$hospital"; do
        "$sealnote" --quiet policy new "$party/measurements.json" --model-digest "$digest" -o "$party/policy.json" >/dev/null 2>&1
    done
    cat >"$owner/clients.json" <<JSON
{"clients": [{"name": "hospital", "key": "$(cat "$owner/client.pub")", "notes_per_hour": 1000, "sessions_per_hour": 20}]}
JSON
}

# await FILE PATTERN: until the file has it, or the enclave has ended.
await() {
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        ! grep -q "$2" "$1" 2>/dev/null || return 0
        kill -0 "$enclave" 2>/dev/null || break
        sleep 0.1
    done
    # Its last line may have come meanwhile.
    grep -q "$2" "$1" && return 0
    echo "this did not come: $2" >&2
    tail -n 20 "$operator/enclave.log" "$owner/releases.jsonl" >&2
    exit 1
}

# release POLICY: the owner's service, under this policy; sets the address that the operator's network leads to.
release() {
    files="$owner" start release "listening on" "$sealnote" release --listen tcp:127.0.0.1:0 --policy "$1" \
        --danger-accept-software-root "$owner/root.pem" --keys "$owner/keys" --signing-key "$owner/releaser.pem" \
        --clients "$owner/clients.json" --log "$owner/releases.jsonl"
    release="${started[-1]}"
    said="${said%,}"
    echo "${said#tcp:}" >"$operator/owner.address"
}

enclave
other "$owner/policy.json" >"$owner/other.json"
release "$owner/other.json"
await "$owner/releases.jsonl" '"refused"'
grep -m 1 '"refused"' "$owner/releases.jsonl" | sed 's/.*"check":"\([^"]*\)","message":"\([^(]*\).*/   refused, check \1: \2/' | shorten
wait "$enclave" || true
sed -n 's/^sealnote-enclave: \(the release service refused[^.:]*\).*/   the enclave ends: \1/p' "$operator/enclave.log"
kill "$release" 2>/dev/null
wait "$release" 2>/dev/null || true

echo
echo "3. The owner's policy names this image. Its service releases the key, with the list of who may ask."
echo
enclave
release "$owner/policy.json"
await "$operator/enclave.log" "ready on"
grep -m 1 '"released"' "$owner/releases.jsonl" | shorten | sed 's/^/   /'

echo
echo "4. The hospital sends its notes to that enclave, which knows it by its key."
echo
start wiretap-of-clients "listening on" tools/two-parties/wiretap.py "$(cat "$operator/server")" "$operator/clients.capture"
trust=(--server "tcp:$said" --danger-accept-software-root "$hospital/root.pem")
cp "$notes" "$hospital/notes.jsonl"
"$sealnote" submit "${trust[@]}" --policy "$hospital/policy.json" --client-key "$hospital/client.pem" \
    "$hospital/notes.jsonl" >"$hospital/results.jsonl" 2>"$hospital/client.log" ||
    { tail -n 20 "$hospital/client.log" >&2 && exit 1; }
printf '   %s of %s notes have an answer\n' "$(wc -l <"$hospital/results.jsonl")" "$(wc -l <"$hospital/notes.jsonl")"
"$sealnote" key new "$hospital/stranger.pem" >/dev/null 2>&1
fails "$hospital/stranger.log" "$sealnote" submit "${trust[@]}" --policy "$hospital/policy.json" \
    --client-key "$hospital/stranger.pem" "$hospital/notes.jsonl"
sed -n '$s/^/   with a key that is not in the list: /p' "$hospital/stranger.log"

echo
echo "5. The hospital's policy names another image: no note leaves."
echo
other "$hospital/policy.json" >"$hospital/other.json"
fails "$hospital/other.log" "$sealnote" submit "${trust[@]}" --policy "$hospital/other.json" \
    --client-key "$hospital/client.pem" "$hospital/notes.jsonl"
sed -n 's/^sealnote: \(.*check X5.*\)/   \1/p' "$hospital/other.log" | shorten

echo
echo "6. Whose secret is where? Each is looked for as it is, in hex and in base64."
echo
weights="$model/model.safetensors"
middle="$(($(stat -c %s "$weights") / 2))"
# A note's first 40 bytes of text.
python3 -c 'import json, sys; open(sys.argv[2], "w").write(json.loads(open(sys.argv[1]).readline())["text"][:40])' \
    "$notes" "$sockets/note"
# The search finds what is there.
fails "$sockets/search.log" tools/two-parties/search.py "the model's key=$owner/keys/ward.key" -- "$owner/keys"
fails "$sockets/search.log" tools/two-parties/search.py "the weights=$weights:$middle:64" -- "$model"
echo "   At the operator, with all that its network carried:"
tools/two-parties/search.py "the model's key=$owner/keys/ward.key" "64 bytes of the weights=$weights:$middle:64" \
    "the releaser's private key=$owner/releaser.pem" "the client's private key=$hospital/client.pem" \
    "a note=$sockets/note" -- "$operator"
echo "   At the hospital:"
tools/two-parties/search.py "the model's key=$owner/keys/ward.key" "64 bytes of the weights=$weights:$middle:64" \
    "the releaser's private key=$owner/releaser.pem" -- "$hospital"
echo "   At the owner of the model:"
tools/two-parties/search.py "a note=$sockets/note" "the client's private key=$hospital/client.pem" -- "$owner"
