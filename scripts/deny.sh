#!/usr/bin/env bash
# Licences, duplicates, sources and, where its database can be had, known vulnerabilities.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"

cargo-deny --locked check licenses bans sources

if cargo-deny --locked fetch db >/dev/null 2>&1; then
    cargo-deny --locked check --disable-fetch advisories
else
    echo "advisories: skipped, the advisory database cannot be fetched from here"
fi
