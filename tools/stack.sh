# Read by demo.sh and serve.sh, from the project's root: a development enclave and a parent.
#
# SEALNOTE_PROGRAMS: folder of sealnote, sealnote-parent and sealnote-enclave (with the software
# attester); target/programs unless it says otherwise, brought up to date first.

model="${MODEL:-models/icd10-chapter}"
programs="${SEALNOTE_PROGRAMS:-target/programs}"
# Under make they are up to date already.
if [ -z "${SEALNOTE_PROGRAMS:-}${MAKELEVEL:-}" ]; then
    make --silent programs
fi

sockets="$(mktemp -d)"
started=()
stop_stack() {
    # Those that have ended already are no error.
    [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$sockets"
}
trap stop_stack EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

now() { echo "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

# choose_transport: sets `transport`, `enclave_at` and `parent_at`.
choose_transport() {
    if "$programs/sealnote-parent" --probe vsock 2>/dev/null; then
        transport="vsock, looped back by this kernel (CID 1)"
        enclave_at=vsock:1:0 parent_at=vsock:1:0
    else
        transport="Unix sockets (this kernel does not loop vsock back)"
        enclave_at="unix:$sockets/enclave" parent_at="unix:$sockets/parent"
    fi
}

# start NAME MARKER COMMAND...: runs it until stop_stack; sets `said` to the word that follows
# MARKER in what it prints. Its standard error goes to $files/NAME.log.
start() {
    local name="$1" marker="$2" log="$files/$1.log" tries
    shift 2
    # Before the program opens it: it is read at once.
    : >"$log"
    "$@" >/dev/null 2>>"$log" &
    started+=($!)
    for ((tries = 0; tries < 600; tries++)); do
        said="$(sed -n "s/.*$marker \([^ ]*\).*/\1/p" "$log")"
        [ -z "$said" ] || return 0
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    echo "the $name does not start; its last lines:" >&2
    tail -n 20 "$log" >&2
    exit 1
}

# start_stack: sets `server`, where clients go; root.pem and measurements.json are in $files.
start_stack() {
    start enclave "ready on" "$programs/sealnote-enclave" --listen "$enclave_at" \
        --peer-cid 1 --model "$model" --attester software \
        --software-root-out "$files/root.pem" --measurements-out "$files/measurements.json"
    start parent "listening on" "$programs/sealnote-parent" --listen "$parent_at" --enclave "$said"
    server="$said"
}
