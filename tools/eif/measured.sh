#!/bin/bash
# Compares what `sealnote measure` says of an image with what AWS's crate said that built it.
#
# usage: measured.sh SEALNOTE EIF MODEL
#   SEALNOTE  the client
#   EIF       folder with sealnote.eif and sealnote.json
#   MODEL     the model that is in the image
set -euo pipefail
sealnote="$1" eif="$2" model="$3"

policy="$eif/policy.json"
rm -f "$policy"
"$sealnote" measure "$eif/sealnote.eif" --model "$model" -o "$policy"
python3 - "$eif/sealnote.json" "$policy" <<'PYTHON'
import json, sys
aws, ours = (json.load(open(path)) for path in sys.argv[1:])
(ours,) = ours["evidence"]["nitro"]["measurements"]
for register in ("PCR0", "PCR1", "PCR2"):
    assert aws["Measurements"][register] == ours[register.lower()], register
print("measured alike: PCR0, PCR1 and PCR2")
PYTHON
