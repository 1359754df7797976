#!/usr/bin/env bash
# Builds the programs twice, in two folders with other names, and compares them byte by byte.
#
#   scripts/reproducible.sh [--into FOLDER] [--profile PROFILE] [PACKAGE...]
#
#   --into FOLDER      leave the programs there; default target/reproducible
#   --profile PROFILE  default dist
#   PACKAGE            default chancery, chancery-signer, chancery-intake, chancery-delivery, chancery-gateway and
#                      chancery-operator
#
# What has been committed is built, from what `git archive` gives. The compiler is that of rust-toolchain.toml; the C
# compiler, its headers and the linker are this machine's, and have to be the same for the same bytes elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

into=target/reproducible profile=dist
packages=()
while [ $# -gt 0 ]; do
    case $1 in
    --into) into=${2:?reproducible: --into needs a folder} && shift ;;
    --profile) profile=${2:?reproducible: --profile needs a name} && shift ;;
    -*)
        echo "reproducible: unknown argument \`$1\`; known are --into FOLDER and --profile PROFILE" >&2
        exit 2
        ;;
    *) packages+=("$1") ;;
    esac
    shift
done
if [ ${#packages[@]} -eq 0 ]; then packages=(chancery chancery-signer chancery-intake chancery-delivery chancery-gateway chancery-operator); fi

# Both times the same, whatever is committed meanwhile.
commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)

# build FOLDER: the programs from a copy of the sources in FOLDER, into FOLDER/target.
build() {
    local folder=$1 package
    local -a selected=()
    mkdir -p "$folder"
    git archive "$commit" | tar -x -C "$folder"
    for package in "${packages[@]}"; do selected+=(--package "$package"); done
    # Paths get into messages of panics and, by the C compiler, of assertions.
    (
        cd "$folder"
        export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$folder/target"
        SOURCE_DATE_EPOCH=$(git -C "$OLDPWD" log -1 --format=%ct "$commit")
        export SOURCE_DATE_EPOCH
        export RUSTFLAGS="--remap-path-prefix=$folder=/src --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$sysroot=/rust"
        export CFLAGS="-ffile-prefix-map=$folder=/src -ffile-prefix-map=$cargo_home=/cargo"
        cargo build --profile "$profile" --locked "${selected[@]}"
    )
}

# Of another length each, so that a path that gets in shows.
build "$work/one"
build "$work/another/folder"

case $profile in dev) output=debug ;; *) output=$profile ;; esac
mkdir -p "$into"
differ=no
for package in "${packages[@]}"; do
    one=$work/one/target/$output/$package another=$work/another/folder/target/$output/$package
    if cmp "$one" "$another"; then
        install -m 755 "$one" "$into/$package"
        (cd "$into" && sha256sum "$package")
    else
        differ=yes
    fi
done
if [ "$differ" = yes ]; then
    echo "reproducible: the two builds differ; see above" >&2
    exit 1
fi
