#!/usr/bin/env bash
# Writes what is generated: crds/signingrun.yaml and crds/signingpolicy.yaml, the chart's copies of them, and their pages
# in docs/reference from the Rust types; migrations/schema.sql from the migrations; the chart's copy of
# migrations/administrator.sql; charts/chancery/README.md from the chart's values.
# With --check, says what differs and fails instead.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The whole workspace: a package built alone has other features, and so builds everything anew.
cargo build --quiet --locked --workspace --bins
bin="${CARGO_TARGET_DIR:-target}/debug"
"$bin/crdgen" > "$work/signingrun.yaml"
"$bin/referencegen" > "$work/signingrun.md"
"$bin/crdgen" signingpolicy > "$work/signingpolicy.yaml"
"$bin/referencegen" signingpolicy > "$work/signingpolicy.md"
"$bin/dump-schema" > "$work/schema.sql"
"$bin/chart-readme" > "$work/chart.md"

cp migrations/administrator.sql "$work/administrator.sql"

result=0
for pair in \
    signingrun.yaml:crds/signingrun.yaml \
    signingrun.yaml:charts/chancery/files/signingrun-crd.yaml \
    signingpolicy.yaml:crds/signingpolicy.yaml \
    signingpolicy.yaml:charts/chancery/files/signingpolicy-crd.yaml \
    administrator.sql:charts/chancery/files/administrator.sql \
    signingrun.md:docs/reference/signingrun.md \
    signingpolicy.md:docs/reference/signingpolicy.md \
    chart.md:charts/chancery/README.md \
    schema.sql:migrations/schema.sql; do
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
