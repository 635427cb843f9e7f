#!/bin/bash
# Builds Dockerfile.enclave from target/enclave-root, offline, with buildah.
#
# usage: build.sh
# Leaves target/image/sealnote-enclave.tar, which `docker load` and `podman load` take.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/need.sh buildah=buildah
# Without root, buildah maps users in a namespace of its own.
[ "$(id -u)" = 0 ] || [ -n "${_CONTAINERS_USERNS_CONFIGURED:-}" ] || exec buildah unshare "$0" "$@"
. tools/image/storage.sh

# One fixed time instead of the present one: equal files give an equal image.
buildah --log-level error bud --isolation chroot --pull-never --timestamp 0 \
    --signature-policy "$place/policy.json" --tag "$image" \
    --file Dockerfile.enclave target/enclave-root
rm -f "$place/$image.tar"
buildah push --quiet --signature-policy "$place/policy.json" "$image" "docker-archive:$place/$image.tar:$image:latest"
echo "image: ${place#"$PWD/"}/$image.tar"
