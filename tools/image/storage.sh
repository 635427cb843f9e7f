# Read by the scripts beside it: buildah with a store of our own below target/, so that nothing is
# left behind elsewhere, and with the storage driver that needs nothing of the kernel.

image=sealnote-enclave
place="$PWD/target/image"

# buildah demands a policy for images that it fetches, even to fetch none; this one accepts none.
mkdir -p "$place"
echo '{"default": [{"type": "reject"}], "transports": {"containers-storage": {"": [{"type": "insecureAcceptAnything"}]}}}' >"$place/policy.json"

buildah() {
    command buildah --root "$place/storage" --runroot "$place/run" --storage-driver vfs "$@"
}
