#!/bin/bash
# Every workspace against its deny.toml, without the network but for what is missing.
#
# usage: check.sh policy        licences, sources, banned crates
#        check.sh advisories    RustSec's advisories
#
# The advisories are taken from the folder $SEALNOTE_ADVISORY_DB; else from ../shared/advisory-db; else fetched.
# Each check is then shown to fail where it must: one that passes whatever it is given proves nothing.
# Exit code 77, and a line that says why, if the check could not be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
deny="$(tools/supply-chain/cargo-deny.sh)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

workspaces=(. client/python fuzz tools/eif tools/oracles)

fail() {
    echo "supply chain: $*" >&2
    exit 1
}

# check WORKSPACE CONFIGURATION WHAT...
check() {
    local workspace="$1" configuration="$2"
    shift 2
    "$deny" --color never --locked --offline --manifest-path "$workspace/Cargo.toml" --config "$configuration" \
        check --hide-inclusion-graph "$@" 2>&1
}

# must_pass WORKSPACE CONFIGURATION WHAT...
must_pass() {
    local said
    said="$(check "$@")" || fail "$1 is refused:"$'\n'"$said"
    echo "$1: $said"
}

# must_find PATTERN WORKSPACE CONFIGURATION WHAT...: the check fails, and says a line that matches.
must_find() {
    local pattern="$1" said
    shift
    ! said="$(check "$@")" || fail "it found nothing, where it must find: $pattern"
    grep -q -- "$pattern" <<<"$said" || fail "it failed, but found nothing like: $pattern"$'\n'"$said"
    echo "as it must, it refuses: $(grep -m 1 -- "$pattern" <<<"$said")"
}

policy() {
    local workspace
    for workspace in "${workspaces[@]}"; do
        must_pass "$workspace" "$workspace/deny.toml" licenses sources bans
    done
    # The image builder has what the programs must not have.
    must_find "crate 'openssl = .*' is explicitly banned" tools/eif deny.toml bans
    sed 's/^allow = \["Apache-2.0", /allow = [/' deny.toml >"$work/stricter.toml"
    must_find "failed to satisfy license requirements" . "$work/stricter.toml" licenses
}

# cargo-deny reads a database only from a git repository, in a folder whose name follows from where it is fetched.
database="$work/databases/advisory-db-3157b0e258782691"

# commit_all: what is in the database, as cargo-deny takes it.
commit_all() {
    git -C "$database" add --all
    git -C "$database" -c user.name=sealnote -c user.email=sealnote@invalid -c commit.gpgsign=false commit --quiet --message "a copy"
}

get_database() {
    local from="${SEALNOTE_ADVISORY_DB:-../shared/advisory-db}"
    mkdir -p "${database%/*}"
    if [ -d "$from/crates" ]; then
        # Without modes: a snapshot may be read-only.
        cp -r --no-preserve=mode "$from" "$database"
        rm -rf "$database/.git"
        git -C "$database" init --quiet
        commit_all
        echo "advisories: $from, $(find "$database/crates" -name '*.md' | wc -l) of them, the last of $(newest)"
    elif [ -n "${SEALNOTE_ADVISORY_DB:-}" ]; then
        fail "there is no RustSec database at \$SEALNOTE_ADVISORY_DB, $from"
    elif "$deny" --locked --config "$work/deny.toml" fetch db >"$work/fetched" 2>&1; then
        echo "advisories: fetched, the last of $(newest)"
    else
        echo "advisories: not checked: there is no $from, and RustSec's database cannot be fetched:" \
            "$(grep . "$work/fetched" | tail -n 1)" >&2
        exit 77
    fi
}

newest() { grep -rhoE '^date = "[0-9-]+"' "$database/crates" | sort | tail -n 1 | cut -d '"' -f 2; }

advisories() {
    local workspace
    for workspace in "${workspaces[@]}"; do
        mkdir -p "$work/$workspace"
        sed "s|^\[advisories\]|&\ndb-path = \"${database%/*}\"|" "$workspace/deny.toml" >"$work/$workspace/deny.toml"
    done
    get_database
    for workspace in "${workspaces[@]}"; do
        must_pass "$workspace" "$work/$workspace/deny.toml" advisories
    done
    # Advisories that nobody wrote, against a crate of each.
    make_up zeroize RUSTSEC-2099-0001
    make_up aws-nitro-enclaves-image-format RUSTSEC-2099-0002
    commit_all
    must_find RUSTSEC-2099-0001 . "$work/deny.toml" advisories
    must_find RUSTSEC-2099-0002 tools/eif "$work/tools/eif/deny.toml" advisories
}

# make_up CRATE ID
make_up() {
    mkdir -p "$database/crates/$1"
    cat >"$database/crates/$1/$2.md" <<ADVISORY
\`\`\`toml
[advisory]
id = "$2"
package = "$1"
date = "2099-01-01"

[versions]
patched = []
\`\`\`

# Made up, so that the gate is seen to fail
ADVISORY
}

for workspace in "${workspaces[@]}"; do
    cargo fetch --quiet --locked --manifest-path "$workspace/Cargo.toml" --target x86_64-unknown-linux-gnu
done
case "${1:-}" in
policy | advisories) "$1" ;;
*)
    echo "usage: check.sh policy|advisories" >&2
    exit 2
    ;;
esac
