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
other() { sed -e 's/\("PCR0": *"\)f/\10/' -e t -e 's/\("PCR0": *"\)[0-9a-e]/\1f/' "$1"; }

shorten() { sed 's/\([0-9a-f]\{16\}\)[0-9a-f]\{80\}/\1…/g'; }

echo "1. The owner of the model encrypts it, and makes the key that signs what is released; the hospital makes its own."
echo
mkdir -m 700 "$owner/keys"
"$sealnote" model new-key "$owner/keys/ward.key" 2>/dev/null
"$sealnote" model encrypt "$model" --out "$owner/encrypted" --key "$owner/keys/ward.key" --key-id ward 2>/dev/null
digest="$("$sealnote" model-digest "$model")"
"$sealnote" key new "$owner/releaser.pem" >"$owner/releaser.pub" 2>/dev/null
"$sealnote" key new "$hospital/client.pem" >"$hospital/client.pub" 2>/dev/null
hand owner operator "the encrypted model, and the releaser's public key" "$owner/encrypted" "$owner/releaser.pub"
hand hospital owner "the client's public key" "$hospital/client.pub"
cat >"$owner/clients.json" <<JSON
{"clients": [{"name": "hospital", "key": "$(cat "$owner/client.pub")", "notes_per_hour": 1000, "sessions_per_hour": 20}]}
JSON

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
start parent "listening on" "$programs/sealnote-parent" --listen "$parent_at" --enclave "$listen" --probe-interval 0 \
    --egress "$egress=$said" --egress-allowlist "$operator/allowlist.yaml"
server="$said"
: >"$operator/enclave.log"
"$programs/sealnote-enclave" --listen "$listen" --peer-cid 1 --model "$operator/encrypted" --attester software \
    --software-root-out "$operator/root.pem" --measurements-out "$operator/measurements.json" \
    --model-encryption-key-url sealnote://owner.example:7443 --model-digest "$digest" --model-key-id ward \
    --key-via "$egress" --releaser-key "$(cat "$operator/releaser.pub")" 2>>"$operator/enclave.log" &
enclave=$!
started+=($enclave)
# In earnest, measurements come of the image, which each party builds or has from somebody whom it trusts.
for ((tries = 0; tries < 300; tries++)); do
    [ ! -s "$operator/measurements.json" ] || break
    sleep 0.1
done
hand operator owner "the image's measurements" "$operator/measurements.json" "$operator/root.pem"
hand operator hospital "the image's measurements" "$operator/measurements.json" "$operator/root.pem"

# policy FOLDER: pins the measured image and the model.
policy() {
    local measured="$1/measurements.json"
    "$sealnote" policy new --measurements "$measured" --model-digest "$digest" --out "$1/policy.json" 2>/dev/null
}
policy "$owner"
policy "$hospital"

# release POLICY: the owner's service, under this policy; sets the address that the operator's network leads to.
release() {
    files="$owner" start release "listening on" "$sealnote" release --listen tcp:127.0.0.1:0 --policy "$1" \
        --danger-accept-software-root "$owner/root.pem" --keys "$owner/keys" --signing-key "$owner/releaser.pem" \
        --clients "$owner/clients.json" --log "$owner/releases.jsonl"
    said="${said%,}"
    echo "${said#tcp:}" >"$operator/owner.address"
}
other "$owner/policy.json" >"$owner/other.json"
release "$owner/other.json"
for ((tries = 0; tries < 300; tries++)); do
    ! grep -q '"refused"' "$owner/releases.jsonl" 2>/dev/null || break
    sleep 0.1
done
grep -m 1 -o '"check":"[^"]*"' "$owner/releases.jsonl" | sed 's/^/   the owner refuses: /'
kill "${started[-1]}"
wait "${started[-1]}" 2>/dev/null || true
