#!/usr/bin/env bash
# Writes what is generated: crds/signingrun.yaml from the Rust types, migrations/schema.sql from the
# migrations. With --check, says what differs and fails instead.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo run --quiet --locked --package chancery-api --bin crdgen > "$work/signingrun.yaml"
cargo run --quiet --locked --package chancery-tests --bin dump-schema > "$work/schema.sql"

result=0
for pair in signingrun.yaml:crds/signingrun.yaml schema.sql:migrations/schema.sql; do
    fresh="$work/${pair%%:*}" committed="${pair#*:}"
    if [ ! -s "$fresh" ]; then
        echo "$committed: not checked, see above"
    elif [ "${1:-}" != --check ]; then
        cp "$fresh" "$committed"
    elif ! diff -u "$committed" "$fresh"; then
        echo "$committed is out of date: make generate"
        result=1
    fi
done
exit $result
