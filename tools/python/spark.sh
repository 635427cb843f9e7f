#!/bin/bash
# The Spark example on COUNT records, by two local Python workers, against a local enclave; then its results are checked.
#
# usage: spark.sh [COUNT]
# SEALNOTE_PROGRAMS: as in tools/stack.sh.
# Exit code 77: what it needs cannot be had here, which it says.
set -euo pipefail
cd "$(dirname "$0")/../.."
count="${1:-100000}"
venv=target/spark-venv

tools/need.sh java=openjdk-17-jre-headless
tools/python/wheel.sh
tools/python/venv.sh "$venv" tools/python/spark-requirements.txt
"$venv/bin/pip" --quiet --disable-pip-version-check install --force-reinstall --no-deps target/python/*.whl

. tools/stack.sh
files="$sockets"
choose_transport
parent_at=tcp:127.0.0.1:0
start_stack
python="$PWD/$venv/bin/python"
"$python" tools/python/spark_records.py make examples/notes.jsonl "$count" "$files/records.jsonl"

begun="$(now)"
PYSPARK_PYTHON="$python" PYSPARK_DRIVER_PYTHON="$python" SPARK_LOCAL_IP=127.0.0.1 \
    PYSPARK_SUBMIT_ARGS="--master local[2] --conf spark.ui.enabled=false --conf spark.local.dir=$files pyspark-shell" \
    "$python" examples/spark/classify.py --server "$server" --policy "$files/measurements.json" \
    --danger-accept-software-root "$files/root.pem" "$files/records.jsonl" "$files/results" 2>"$files/spark.log" || {
    tail -n 40 "$files/spark.log" >&2
    exit 1
}
took="$(seconds_since "$begun")"
"$python" tools/python/spark_records.py check "$files/records.jsonl" "$files/results" "$server" "$files/measurements.json" "$files/root.pem"
awk -v count="$count" -v took="$took" 'BEGIN { printf "%d records in %s s, %.0f a second, the start of Spark included\n", count, took, count / took }'
