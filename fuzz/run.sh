#!/bin/bash
# Runs every fuzz target, for equal parts of SECONDS in all. What they have found to be of use stays in
# target/fuzz-corpus, and the next run goes on from there; what fails stays in target/fuzz-found.
#
# usage: run.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.13.2
seconds="${1:?usage: run.sh SECONDS [TARGET...]}"
shift
cache="${SEALNOTE_CACHE:-$HOME/.cache/sealnote}/cargo-fuzz-$version"
PATH="$cache/bin:$PATH"

# libFuzzer is C++; libfuzzer-sys has its source.
tools/need.sh c++=g++
if [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz $version" ] &&
    ! said="$(cargo install --quiet --locked --root "$cache" "cargo-fuzz@$version" 2>&1)"; then
    echo "cargo-fuzz $version is missing, and \`cargo install --locked cargo-fuzz@$version\` fails: $said" >&2
    exit 1
fi

# cargo-fuzz would bring the lock file up to date.
cargo fetch --quiet --locked --manifest-path fuzz/Cargo.toml

# Coverage and AddressSanitizer are not stable in rustc, hence RUSTC_BOOTSTRAP. No dependency is to behave otherwise
# than in a release, hence no cfg(fuzzing).
RUSTC_BOOTSTRAP=1 cargo fuzz build --no-cfg-fuzzing --target-dir target/fuzz
programs="target/fuzz/$(rustc -vV | sed -n 's/^host: //p')/release"

vectors="${SEALNOTE_VECTORS:-../shared/vectors}"
[ ! -d "$vectors" ] || export SEALNOTE_VECTORS="$vectors"
rm -rf target/fuzz-seeds
"$programs/seeds" target/fuzz-seeds

# fuzz TARGET SECONDS: libFuzzer's last words in one line; 1 if it found something.
fuzz() {
    local target="$1" log="target/fuzz-logs/$1" status=0 dictionary=() last
    [ ! -e "fuzz/dictionaries/$target" ] || dictionary=("-dict=fuzz/dictionaries/$target")
    mkdir -p target/fuzz-{logs,corpus/"$target",found/"$target"}
    "$programs/$target" "target/fuzz-corpus/$target" "target/fuzz-seeds/$target" "${dictionary[@]}" \
        -max_total_time="$2" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="target/fuzz-found/$target/" >"$log" 2>&1 || status=$?
    if [ $status != 0 ]; then
        grep -m 3 -A 2 -E 'panicked at|memory allocation of|ERROR: |SUMMARY: ' "$log" || tail -n 5 "$log"
        echo "fuzz: $target FAILED; the whole is in $log; once more:"
        sed -n "s|.*Test unit written to \(.*\)|  $programs/$target \1|p" "$log"
        return 1
    fi
    last="$(grep -E 'DONE +cov:' "$log")"
    printf 'fuzz: %-11s %9d executions, %5d edges, %5d features, %4s inputs\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        $(sed -E 's|.*cov: ([0-9]+) ft: ([0-9]+) corp: ([0-9]+)/.*|\1 \2 \3|' <<<"$last")
}

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=($(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//'))
each=$((seconds / ${#targets[@]}))
failed=0
for target in "${targets[@]}"; do
    fuzz "$target" $((each > 0 ? each : 1)) || failed=1
done
exit $failed
