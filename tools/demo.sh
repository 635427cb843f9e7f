#!/bin/bash
# The whole flow on this machine: attest, seal, classify, open; and an enclave that is refused.
#
# usage: demo.sh [NOTES]
set -euo pipefail
cd "$(dirname "$0")/.."
notes="${1:-${NOTES:-examples/notes.jsonl}}"
. tools/stack.sh
files="$sockets"
choose_transport

# Digests to their first digits.
shorten() { sed 's/\([0-9a-f]\{16\}\)[0-9a-f]\{80\}/\1…/g'; }

begun="$(now)"
start_stack
echo "transport    $transport"
echo "enclave      attests by software, under a root that it made for this run; up in $(seconds_since "$begun") s"
trust=(--server "$server" --danger-accept-software-root "$files/root.pem")
policy="$files/measurements.json"

echo
echo "1. What runs there? The client challenges it, and checks its evidence against the policy."
echo
if ! "$programs/sealnote" attest "${trust[@]}" --policy "$policy" >"$files/attested" 2>"$files/client.log"; then
    cat "$files/client.log" >&2
    exit 1
fi
awk '/^(VERIFIED|module|PCR0|model|classifies|suite|key )/ { print "   " $0 }
     /^  [A-Z][0-9]+ / { passed++ }
     END { print "   checks       " passed " passed; `sealnote attest` names each" }' "$files/attested" | shorten

echo
echo "2. Notes are sealed to that enclave, classified there, and the results opened here."
echo
sent="$(now)"
# Results come as they are ready: the time of the first is noted in passing.
if ! "$programs/sealnote" submit "${trust[@]}" --policy "$policy" "$notes" 2>"$files/client.log" | {
    IFS= read -r first && seconds_since "$begun" >"$files/first" && printf '%s\n' "$first" && cat
} >"$files/results.jsonl"; then
    tail -n 20 "$files/client.log" >&2
    exit 1
fi
took="$(seconds_since "$sent")"
awk -v first="$(cat "$files/first")" -v took="$took" '
    function text(name) {
        if (!match($0, "\"" name "\": *\"[^\"]*\"")) return ""
        found = substr($0, RSTART, RLENGTH - 1)
        sub(/^"[a-z]+": *"/, "", found)
        return found
    }
    function number(name) {
        if (!match($0, "\"" name "\": *[0-9.e-]+")) return ""
        found = substr($0, RSTART, RLENGTH)
        sub(/^"[a-z]+": */, "", found)
        return found
    }
    NR == FNR { expected[text("id")] = text("expected"); next }
    {
        id = text("id"); label = text("label"); all++
        known += expected[id] != ""; agree += expected[id] != "" && expected[id] == label
        if (all <= 10) {
            verdict = expected[id] == "" ? "" : expected[id] == label ? "as expected" : "expected " expected[id]
            printf "   %-10s %-62.62s %.2f  %s\n", id, label, number("score"), verdict
        }
    }
    END {
        if (all > 10) print "   and " all - 10 " more"
        print ""
        printf "   %d notes in %s s; the first result %s s after the enclave was started\n", all, took, first
        if (known) printf "   %d of %d labels are those that the notes were written for\n", agree, known
    }' "$notes" "$files/results.jsonl"

echo
echo "3. The same, expecting another enclave: one digit of PCR0 differs."
echo
sed -e 's/\("PCR0": *"\)f/\10/' -e t -e 's/\("PCR0": *"\)[0-9a-e]/\1f/' "$policy" >"$files/other.json"
if "$programs/sealnote" submit "${trust[@]}" --policy "$files/other.json" "$notes" \
    >"$files/none.jsonl" 2>"$files/client.log" || ! grep -q "check X5" "$files/client.log"; then
    echo "it was not refused as it should have been:" >&2
    cat "$files/client.log" >&2
    exit 1
fi
sed -n 's/^sealnote: \(.*check X5.*\)/   \1/p' "$files/client.log" | shorten

echo
echo "4. What the parent saw of all that: bytes that it has no key for."
echo
kill "${started[1]}"
wait "${started[1]}" || true
sed -n 's/.*stopped .*accepted=\([0-9]*\).*to_enclave_bytes=\([0-9]*\) to_client_bytes=\([0-9]*\)/   \1 connections, \2 bytes to the enclave, \3 bytes back/p' "$files/parent.log"
