#!/bin/bash
# What a parent that runs answers to a scrape, judged by promtool.
#
# usage: metrics.sh PARENT
set -euo pipefail
parent="$1"
"$(dirname "$0")/../need.sh" promtool=prometheus curl=curl

files="$(mktemp -d)"
finish() {
    kill "$pid" 2>/dev/null || true
    rm -rf "$files"
}
echo 'allowlist: [{address: key.example, port: 443}]' >"$files/egress.yaml"
"$parent" --listen "unix:$files/clients" --enclave "unix:$files/enclave" --metrics-listen "unix:$files/metrics" \
    --egress "unix:$files/egress=key.example:443" --egress-allowlist "$files/egress.yaml" \
    2>"$files/log" &
pid=$!
trap finish EXIT
for ((attempt = 0; attempt < 100; attempt++)); do
    [ ! -S "$files/metrics" ] || break
    sleep 0.1
done
scrape() { curl --silent --show-error --fail --unix-socket "$files/metrics" http://parent/metrics; }
scrape >"$files/scrape" || { cat "$files/log" >&2; exit 1; }
# Its complaints are on standard error, and its exit code is 3 for those of style.
promtool check metrics <"$files/scrape"
echo "promtool has nothing against $(grep -c '^# TYPE' "$files/scrape") metrics"
