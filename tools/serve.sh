#!/bin/bash
# A local enclave (software attester) and parent that stay up until Ctrl-C.
#
# SEALNOTE_LISTEN: where clients come in; tcp:127.0.0.1:7000 unless it says otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/stack.sh
files=target/serve
mkdir -p "$files"
choose_transport
parent_at="${SEALNOTE_LISTEN:-tcp:127.0.0.1:7000}"
start_stack

cat <<TEXT
enclave    $(sed -n 's/.*ready on //p' "$files/enclave.log"), by $transport
           DEVELOPMENT: it attests by software, and protects nothing
address    $server
policy     $files/measurements.json
root       $files/root.pem
logs       $files/enclave.log, $files/parent.log

$programs/sealnote submit --server $server --policy $files/measurements.json \\
    --danger-accept-software-root $files/root.pem examples/notes.jsonl

Ctrl-C ends both.
TEXT
wait -n "${started[@]}" || true
echo "a program has ended; the last lines of both:" >&2
tail -n 10 "$files/enclave.log" "$files/parent.log" >&2
exit 1
