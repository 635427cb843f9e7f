#!/bin/bash
# Looks into the image that build.sh built: exactly the files that belong there, a static program,
# no software attester in it, and the entry point as documented.
#
# usage: check.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/need.sh buildah=buildah readelf=binutils
[ "$(id -u)" = 0 ] || [ -n "${_CONTAINERS_USERNS_CONFIGURED:-}" ] || exec buildah unshare "$0" "$@"
. tools/image/storage.sh

fail() {
    echo "image check: $*" >&2
    exit 1
}

container="$(buildah from --pull-never --signature-policy "$place/policy.json" "$image")"
trap 'buildah rm "$container" >/dev/null' EXIT
root="$(buildah mount "$container")"

# What a container engine mounts over (dev, etc, proc, ...) may exist as empty folders only.
files="$(cd "$root" && find . ! -type d | LC_ALL=C sort)"
expected="./model/config.json
./model/model.safetensors
./model/tokenizer.json
./sealnote-enclave"
[ "$files" = "$expected" ] || fail "the files are not those that belong there:
$files"
echo "files: the program and the model's three, and nothing else"

program="$root/sealnote-enclave"
cmp -s "$program" target/enclave-root/sealnote-enclave || fail "the program is not the one that was built"
if readelf --program-headers "$program" | grep -q INTERP; then
    fail "the program is linked dynamically"
fi
echo "program: static, $(stat -c %s "$program") bytes"

# In the image's own root: with a library missing it would not even start.
status=0
output="$(chroot "$root" /sealnote-enclave --listen vsock:any:5005 --model /model --attester software 2>&1 </dev/null)" ||
    status=$?
[ "$status" = 2 ] || fail "--attester software: exit code $status instead of 2: $output"
case "$output" in
*"software attester"*) echo "software attester: refused, for it is not built in" ;;
*) fail "--attester software is not refused by name: $output" ;;
esac

entry="$(buildah inspect --type image --format '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}' "$image")"
[ "$entry" = "[/sealnote-enclave --listen vsock:any:5005 --model /model --attester nsm --peer-cid 3] []" ] ||
    fail "the entry point is $entry"
echo "entry point: ${entry% \[\]}"
