#!/bin/bash
# A TPM in software, swtpm, with an attestation key such as Azure's. Its structures and its signature come from another
# implementation than the tests' own: what the verifier says of its quote; and the enclave's attester, which speaks to it as
# to Azure's vTPM, in whole sessions.
set -euo pipefail
cd "$(dirname "$0")/.."

./tools/need.sh swtpm=swtpm "tpm2_quote=tpm2-tools libtss2-tcti-swtpm0"

out=$(mktemp -d)
swtpm=
trap 'kill $swtpm 2>/dev/null || true; rm -rf "$out"' EXIT

swtpm socket --tpm2 --tpmstate dir="$out" --flags startup-clear \
    --server type=unixio,path="$out/socket" --ctrl type=unixio,path="$out/socket.ctrl" >"$out/log" 2>&1 &
swtpm=$!
for _ in $(seq 50); do
    [[ -S $out/socket ]] && break
    sleep 0.1
done
export TPM2TOOLS_TCTI="swtpm:path=$out/socket"

registers=sha256:0,1,2,3,4,5,6,7,8,9,11,15
# There is no resource manager, and room for three keys.
tpm2_createek -Q -G rsa -c "$out/ek.ctx"
tpm2_flushcontext --transient-object
tpm2_createak -Q -C "$out/ek.ctx" -c "$out/ak.ctx" -G rsa -g sha256 -s rsassa -f pem -u "$out/ak.pem"
tpm2_flushcontext --transient-object
# Where Azure's paravisor keeps it.
tpm2_evictcontrol -Q -C o -c "$out/ak.ctx" 0x81000003
tpm2_flushcontext --transient-object
for register in 0 4 7 9 15; do
    tpm2_pcrextend "$register:sha256=$(printf '%064x' $((register + 1)))"
done
tpm2_quote -Q -c 0x81000003 -l "$registers" -q "$(printf 'b1%.0s' {1..32})" -g sha256 \
    -m "$out/quote" -s "$out/signature" -f plain
tpm2_pcrread -Q -o "$out/pcrs" "$registers"

export SEALNOTE_TPM_QUOTE=$out
cargo test --locked -p sealnote-verifier --test azure_vtpm -- --ignored --exact \
    swtpm::a_quote_of_another_implementation
cargo test --locked -p sealnote-tests --test in_process -- --ignored --exact \
    kinds::swtpm::whole_sessions_over_a_tpm_of_another_implementation
