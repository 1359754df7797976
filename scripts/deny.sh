#!/usr/bin/env bash
# Licences, duplicates, sources and known vulnerabilities.
#
#   scripts/deny.sh [--advisories-required]
#
#   --advisories-required  fail where the database of known vulnerabilities cannot be had. Without it, that is said, and
#                          everything else counts: a change can be checked without a network
#
#   CARGO_DENY             the program; default cargo-deny, from .tools/bin or PATH
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.tools/bin:$PATH"
deny=${CARGO_DENY:-cargo-deny}

required=no
for argument in "$@"; do
    case $argument in
    --advisories-required) required=yes ;;
    *)
        echo "deny: unknown argument \`$argument\`; known is --advisories-required" >&2
        exit 2
        ;;
    esac
done

"$deny" --locked check licenses bans sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$deny" --locked fetch db >"$log" 2>&1; then
    "$deny" --locked check --disable-fetch advisories
    exit
fi
{
    tail -n 5 "$log"
    echo "************************************************************************************"
    echo "ADVISORIES NOT CHECKED: the database of known vulnerabilities could not be fetched."
    echo "Nobody has looked whether a dependency has a known vulnerability."
    echo "************************************************************************************"
} >&2
if [ "$required" = yes ]; then
    echo "deny: failed, because --advisories-required was given" >&2
    exit 1
fi
