#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX, JSON) per program: what is compiled into it, with versions and hashes.
#
#   scripts/sbom.sh FOLDER
#
# Needs cargo-cyclonedx: cargo install --locked cargo-cyclonedx
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?usage: scripts/sbom.sh FOLDER}
mkdir -p "$folder"
declare -A programs=([chancery]=cli [chancery-signer]=signer-job [chancery-intake]=intake [chancery-delivery]=delivery [chancery-gateway]=gateway [chancery-operator]=operator)

# It writes beside each Cargo.toml of the workspace.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD | tar -x -C "$work"
(cd "$work" && cargo cyclonedx --format json --spec-version 1.5 --no-build-deps --override-filename bom)
for program in "${!programs[@]}"; do
    cp "$work/${programs[$program]}/bom.json" "$folder/$program.cdx.json"
    echo "sbom: $folder/$program.cdx.json"
done
