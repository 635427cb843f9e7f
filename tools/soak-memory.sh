#!/bin/bash
# Clients that never stop, and what memory enclave and parent have meanwhile: it must not grow.
#
# usage: soak-memory.sh MINUTES
# Eight clients, each a program that is started again as soon as it has its answers: notes as they come, long ones
# (the example notes ten by ten, and all in one), and sessions with a single note. A line a minute; it fails
# if a note is not answered, or if the most memory that a program had in the last quarter of the time is more than
# what it had in the third one, by more than what page counts vary by.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes="$1"
if ! [[ "$minutes" =~ ^[0-9]+$ ]] || [ "$minutes" -lt 4 ]; then
    echo "soak-memory.sh: four minutes or more, and whole ones; not \"$minutes\"" >&2
    exit 2
fi
. tools/stack.sh
files="$sockets"
choose_transport
start_stack

# In kilobytes. An allocator's last steps are as large.
tolerance=512

# joined COUNT: the example notes, COUNT in each; their texts stay the JSON strings that they are.
joined() {
    awk -v count="$1" '
        match($0, /"text": *"([^"\\]|\\.)*"/) {
            text = substr($0, RSTART, RLENGTH - 1)
            sub(/^"text": *"/, "", text)
            all = all text "\\n"
            if (++held == count) {
                printf "{\"id\": \"joined-%d\", \"text\": \"%s\"}\n", ++made, all
                all = ""; held = 0
            }
        }' examples/notes.jsonl
}
notes="$files/notes.jsonl" long="$files/long.jsonl" longest="$files/longest.jsonl" single="$files/single.jsonl"
cp examples/notes.jsonl "$notes"
joined 10 >"$long"
joined 63 >"$longest"
head -n 1 examples/notes.jsonl >"$single"

# client NUMBER FILE: submits it again and again; counts the notes that were answered.
client() {
    local number="$1" file="$2" count answered=0
    count="$(wc -l <"$file")"
    while "$programs/sealnote" submit --server "$server" --policy "$files/measurements.json" \
        --danger-accept-software-root "$files/root.pem" "$file" >/dev/null 2>"$files/client-$number.log"; do
        answered=$((answered + count))
        echo "$answered" >"$files/answered-$number.new"
        mv "$files/answered-$number.new" "$files/answered-$number"
    done
    touch "$files/failed-$number"
}
number=0
for file in "$notes" "$notes" "$notes" "$long" "$long" "$longest" "$single" "$single"; do
    number=$((number + 1))
    echo 0 >"$files/answered-$number"
    client "$number" "$file" &
    started+=($!)
done

# Kilobytes that a process has, and the files that it has open.
memory() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$1/status"; }
open_files() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }

echo "minute  notes answered  enclave, kB (files)  parent, kB (files)"
for ((minute = 1; minute <= minutes; minute++)); do
    enclave=0 parent=0
    # The most of a minute: what is between two requests is less.
    for ((second = 0; second < 60; second++)); do
        sleep 1
        for name in enclave parent; do
            pid="${started[$([ $name = enclave ] && echo 0 || echo 1)]}"
            if ! now_kb="$(memory "$pid" 2>/dev/null)" || [ -z "$now_kb" ]; then
                echo "the $name has ended; its last lines:" >&2
                tail -n 20 "$files/$name.log" >&2
                exit 1
            fi
            [ "$now_kb" -le "${!name}" ] || printf -v "$name" %s "$now_kb"
        done
    done
    for failed in "$files"/failed-*; do
        [ -e "$failed" ] || continue
        echo "a client failed; its last lines:" >&2
        tail -n 5 "$files/client-${failed##*-}.log" >&2
        exit 1
    done
    answered="$(cat "$files"/answered-[0-9] | awk '{ all += $1 } END { print all }')"
    printf '%6d  %14d  %12d (%d)  %11d (%d)\n' "$minute" "$answered" \
        "$enclave" "$(open_files "${started[0]}")" "$parent" "$(open_files "${started[1]}")"
    echo "$minute $enclave $parent" >>"$files/minutes"
done

awk -v minutes="$minutes" -v tolerance="$tolerance" '
    { quarter = int(($1 - 1) * 4 / minutes) }
    $2 > most["enclave", quarter] { most["enclave", quarter] = $2 }
    $3 > most["parent", quarter] { most["parent", quarter] = $3 }
    function compare(name) {
        grown = most[name, 3] - most[name, 2]
        printf "%s: %+d kB from the third quarter of the time to the last\n", name, grown
        if (grown > tolerance) { print name " GROWS"; grows = 1 }
    }
    END { compare("enclave"); compare("parent"); exit grows }' "$files/minutes"
