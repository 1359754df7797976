#!/usr/bin/env bash
# Takes out one safeguard at a time and sees that the test which bears the hazard's name fails.
#
#   scripts/mutants.sh [NAME...]     only these of tests/mutants/NAME.patch
#
# Works on a copy of the tree in target/mutants. First all these tests have to pass as things are. What
# changes functions of the ledger only is not compiled: the tests put the functions into their ledgers.
# Prints a table in Markdown; fails if a mutant survives.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
work=$root/target/mutants
tree=$work/tree
# A test that waits for what never comes is ended by then.
patience=${MUTANT_PATIENCE:-180}

say() { printf 'mutants: %s\n' "$*" >&2; }
field() { sed -n "s/^$1: //p" "$2"; }

apply() {
    # The copy is inside of this repository, and yet none of it.
    (cd "$tree" && GIT_CEILING_DIRECTORIES="$work" git apply "${@:2}" "$1")
}

# Runs `cargo test` in the copy; everything it started, stopped processes too, ends with it.
run_test() { # LOG PROGRAM NAME
    (cd "$tree" && CARGO_TARGET_DIR="$work/build" timeout --signal=KILL "$patience" \
        cargo test --quiet --locked --workspace --test "$2" -- --exact "$3") >"$1" 2>&1 </dev/null
}

build() {
    local -a programs=()
    local program
    for program in $(sed -n 's/^test: \([^ ]*\) .*/\1/p' "$root"/tests/mutants/*.patch | sort -u); do
        programs+=(--test "$program")
    done
    (cd "$tree" && export CARGO_TARGET_DIR="$work/build" &&
        cargo build --quiet --locked --workspace --bin chancery --bin chancery-signer \
            --bin chancery-intake --bin chancery-delivery &&
        cargo test --quiet --locked --workspace --no-run "${programs[@]}") >"$work/build.log" 2>&1 || {
        tail -n 30 "$work/build.log" >&2
        say "$1 does not build"
        exit 2
    }
}

patches=()
for name in "$@"; do patches+=("$root/tests/mutants/$name.patch"); done
if [ $# -eq 0 ]; then patches=("$root"/tests/mutants/*.patch); fi

mkdir -p "$work"
rm -rf "$tree"
mkdir "$tree"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --preserve=timestamps -t "$tree"
if [ ! -d "$work/build" ] && [ -d target/debug/deps ]; then
    say "taking over what is compiled of other people's packages"
    mkdir -p "$work/build/debug"
    cp -a --reflink=auto target/debug/{deps,build,.fingerprint} "$work/build/debug/"
fi
say "building the tests as things are"
build "the tree as it is"

while read -r program test; do
    if ! run_test "$work/log" "$program" "$test" || ! grep -q '1 passed' "$work/log"; then
        tail -n 30 "$work/log" >&2
        say "$test fails as things are"
        exit 2
    fi
done < <(cat "${patches[@]}" | sed -n 's/^test: //p' | sort -u)

# Those that are not compiled come first, on programs that are as they should be.
is_sql() { ! grep '^+++ ' "$1" | grep -qv '^+++ b/migrations/functions/'; }
ordered=()
for patch in "${patches[@]}"; do if is_sql "$patch"; then ordered+=("$patch"); fi; done
for patch in "${patches[@]}"; do if ! is_sql "$patch"; then ordered+=("$patch"); fi; done

survivors=0
echo "| hazard | taken out | test that fails |"
echo "|---|---|---|"
for patch in "${ordered[@]}"; do
    name=$(basename "$patch" .patch)
    apply "$patch"
    unset CHANCERY_TESTS_MUTANT
    if is_sql "$patch"; then
        mapfile -t files < <(sed -n 's|^+++ b/||p' "$patch")
        export CHANCERY_TESTS_MUTANT=$work/functions.sql
        (cd "$tree" && cat "${files[@]}") >"$CHANCERY_TESTS_MUTANT"
        # Compiled into the programs, they would be put in place again by any program that is as it should be.
        apply "$patch" --reverse
        for file in "${files[@]}"; do touch --reference="$root/$file" "$tree/$file"; done
    else
        build "$name"
    fi
    verdicts=
    while read -r program test; do
        if run_test "$work/$name.log" "$program" "$test"; then
            say "$name SURVIVES $test"
            survivors=$((survivors + 1))
            verdicts+="**none: $test passes** "
        elif grep -q '^test result: FAILED. 0 passed; 1 failed' "$work/$name.log" &&
            ! grep -q "is no mutant" "$work/$name.log"; then
            verdicts+="\`$test\` "
        elif [ -n "$(field 'waits for ever' "$patch")" ]; then
            verdicts+="\`$test\`, which waits for ever "
        else
            tail -n 30 "$work/$name.log" >&2
            say "$name does not run, or not within $patience s"
            exit 2
        fi
    done < <(field test "$patch")
    echo "| $(field hazard "$patch") | $(field 'taken out' "$patch") | ${verdicts% } |"
    if [ -z "${CHANCERY_TESTS_MUTANT:-}" ]; then apply "$patch" --reverse; fi
done
say "${#patches[@]} safeguards taken out, $survivors not missed by a test"
[ "$survivors" -eq 0 ]
