#!/usr/bin/env bash
# What scripts/test.sh has cargo call in the place of each test program. Notes how cargo would run it, with its
# environment, its folder and its arguments, as a script of its own in TEST_NOTES.
#
#   scripts/test/note.sh PROGRAM [ARGUMENT...]
set -euo pipefail

# The tests in documentation are gone when rustdoc ends: they are run at once.
case $1 in
*/deps/*) ;;
*) exec "$@" ;;
esac
{
    export -p
    printf 'cd %q\n' "$PWD"
    printf 'exec'
    printf ' %q' "$@"
    echo
} >"$TEST_NOTES/$CARGO_PKG_NAME.$(basename "$1").sh"
