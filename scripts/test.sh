#!/usr/bin/env bash
# Runs tests as `cargo test` does, but several programs at a time: most of them wait for most of their time.
#
#   scripts/test.sh [ARGUMENT...]     arguments of `cargo test`: --test NAME, FILTER, -- --nocapture
#
# cargo builds, runs the tests in documentation, and tells how it would run each program (scripts/test/note.sh). What a
# program prints is kept in target/tests, beside a script that runs it again. It is shown whole if the program fails.
# Otherwise there is a line for the program, and one for each thing that it skipped.
#
#   TEST_JOBS      programs at a time; default: one more than there are processors
#   TEST_PATIENCE  seconds after which a program is ended, and has failed; default 1800
#   CARGO          the program; default cargo
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=${TEST_JOBS:-$(($(nproc) + 1))}
patience=${TEST_PATIENCE:-1800}

# They begin first, so that none of them is left alone at the end.
LONGEST=(sources sinks scenarios pushed keyrings envelopes memory planted_violations commands ledger run messages reading counts
    audit_beside_others rough_weather roles signer statements chancery_chaos chart short short_sources it standby pgbouncer
    safeguards chancery_operator chancery_kernel)

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/tests"
TEST_NOTES=$(cd "$target/tests" && pwd)
export TEST_NOTES
rm -f "$TEST_NOTES"/*
touch "$TEST_NOTES/passed"

in_order() {
    local name
    shopt -s nullglob
    {
        for name in "${LONGEST[@]}"; do printf '%s\n' "$TEST_NOTES"/*".$name-"*.sh; done
        printf '%s\n' "$TEST_NOTES"/*.sh
    } | awk 'NF && !seen[$0]++'
}

# run NOTE: runs a program, and prints how it ended in one go.
run() {
    local note=$1 log=${1%.sh}.log report=${1%.sh}.report began=$SECONDS code=0 name program
    name=$(basename "$note" .sh)
    name=${name%-*}
    timeout --kill-after=30 "$patience" bash "$note" >"$log" 2>&1 </dev/null &
    program=$!
    trap 'kill "$program"; wait "$program"; exit 143' TERM
    wait "$program" || code=$?
    if [ "$code" -eq 0 ]; then
        echo "$name" >>"$TEST_NOTES/passed"
        printf 'ok      %5d s  %s: %s\n' $((SECONDS - began)) "$name" \
            "$(sed -n 's/^test result: ok\. \(.*\); finished in.*/\1/p' "$log" | tail -n 1)"
        { grep '^skipped' "$log" || true; } | sort -u | sed 's/^/                 /'
    else
        cat "$log"
        if [ $((SECONDS - began)) -ge "$patience" ]; then
            echo "test: $name was still running after $patience s, and was ended"
        fi
        printf 'FAILED  %5d s  %s, with %d; all that it printed is above\n' $((SECONDS - began)) "$name" "$code"
    fi >"$report"
    flock "$TEST_NOTES" cat "$report"
}

trap 'jobs -pr | xargs --no-run-if-empty kill; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

result=0
host=$(rustc --version --verbose | sed -n 's/^host: //p')
# Of each program cargo says that it is running, which it is not yet.
"${CARGO:-cargo}" test --locked --workspace --no-fail-fast --config "target.$host.runner = ['$PWD/scripts/test/note.sh']" "$@" \
    2> >(grep --invert-match 'Running.* (.*/deps/' >&2) || result=$?

mapfile -t notes < <(in_order)
for note in "${notes[@]}"; do
    while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do wait -n || true; done
    run "$note" &
done
wait

# Whatever is not known to have passed has failed.
failed=$(printf '%s\n' "${notes[@]##*/}" | sed 's/-[^-]*$//' | sort | comm -23 - <(sort "$TEST_NOTES/passed"))
if [ -n "$failed" ]; then
    printf 'test: of %d programs failed:\n%s\n' "${#notes[@]}" "$failed"
    exit 1
fi
if [ "$result" -ne 0 ]; then
    echo "test: cargo failed, or a test in documentation: see above"
    exit "$result"
fi
echo "test: ${#notes[@]} programs passed in $SECONDS s"
