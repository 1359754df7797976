#!/usr/bin/env bash
# Runs every fuzz target for so many seconds each.
#
#   scripts/fuzz.sh SECONDS [TARGET...]
#
# Without sanitizers, which only a nightly compiler has: the only unsafe code is in the kernel's crate, which reads and
# writes vectors of one size, whatever the input is, and calls libsecp256k1 with arrays of one size. What is looked for are panics, time, memory, and the
# properties that the targets assert. Coverage guides all the same. What a run finds new stays in
# tests/fuzz/corpus and is begun with the next time. An input that fails is left in tests/fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
PATH="$PWD/.tools/bin:$PATH"

targets=("$@")
if [ $# -eq 0 ]; then
    for file in tests/fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    seeds=tests/fuzz/seeds/$target
    if [ "$target" = manifest ]; then seeds=examples; fi
    mkdir -p "tests/fuzz/corpus/$target"
    if ! cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none "$target" "tests/fuzz/corpus/$target" "$seeds" -- \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target fails" >&2
        exit 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    features=$(sed -n 's/.*DONE .*cov: \([0-9]*\) .*/\1/p' "$log")
    printf '%-16s %12s executions, %s edges\n' "$target" "$executions" "${features:-?}"
done
