# Read by init, inside the guest: client, parent and enclave over vsock, as they are used.

# The transport's own tests once more: here, and only here, they meet real vsock.
/sealnote/streams || finish "FAIL transport tests"

# The production listening address: every CID of this machine.
/sealnote/sealnote-enclave --listen vsock:any:5005 --peer-cid 1 --model /sealnote/model --attester software \
    --software-root-out /tmp/root.pem --measurements-out /tmp/measurements.json &
enclave=$!
/sealnote/sealnote-parent --listen vsock:1:7000 --enclave vsock:1:5005 --connect-timeout 240 &
parent=$!

waited=0
while [ ! -s /tmp/root.pem ] || [ ! -s /tmp/measurements.json ]; do
    kill -0 $enclave 2>/dev/null || finish "FAIL the enclave ended"
    [ $waited -ge 240 ] && finish "FAIL the enclave wrote no measurements within $waited s"
    waited=$((waited + 1))
    sleep 1
done
say "enclave measured after $waited s"

/sealnote/sealnote submit --server vsock:1:7000 --policy /tmp/measurements.json \
    --danger-accept-software-root /tmp/root.pem /sealnote/notes.jsonl --scores all -o /tmp/results.jsonl ||
    finish "FAIL submit: exit code $?"

# The host compares these with the notes that it put in.
sed 's/^/result: /' /tmp/results.jsonl

# The same notes under measurements that are not this enclave's: no result may come.
sed -e 's/\("PCR0" *: *"\)0/\1X/' -e t -e 's/\("PCR0" *: *"\)[1-9a-f]/\10/' \
    /tmp/measurements.json | sed 's/"X/"1/' >/tmp/other.json
cmp -s /tmp/measurements.json /tmp/other.json && finish "FAIL no PCR0 in the measurements"
/sealnote/sealnote submit --server vsock:1:7000 --policy /tmp/other.json \
    --danger-accept-software-root /tmp/root.pem /sealnote/notes.jsonl -o /tmp/none.jsonl &&
    finish "FAIL another enclave's measurements were accepted"
[ -s /tmp/none.jsonl ] && grep -q '"label"' /tmp/none.jsonl && finish "FAIL results without a policy's consent"
say "another enclave's measurements are refused, as they should be"

kill -TERM $parent
wait $parent || finish "FAIL the parent's exit code is $?"
finish "PASS flow"
