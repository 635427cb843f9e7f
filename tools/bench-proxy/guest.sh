# Read by vsock-guest's init, inside the guest.

mkdir -p /tmp
# Files for 1,000 idle connections, twice in a proxy.
ulimit -n 4096
# Arguments without spaces, a line each.
/sealnote/bench-proxy run /sealnote/sealnote-parent --backend vsock:1:5005 $(cat /sealnote/arguments) >/tmp/table ||
    finish "FAIL bench: exit code $?"
sed 's/^/table: /' /tmp/table
finish "PASS bench"
