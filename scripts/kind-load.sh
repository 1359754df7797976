#!/usr/bin/env bash
# Loads the images that scripts/images.sh made into a kind cluster.
#
#   scripts/kind-load.sh CLUSTER      CONTAINER_TOOL, IMAGE_PREFIX, VERSION as in images.sh
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=${1:?the name of the cluster}
tool=${CONTAINER_TOOL:-docker}
prefix=${IMAGE_PREFIX:-docker.io/chancery}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for name in operator signer intake delivery gateway; do
    image="$prefix/$name:$version"
    case $tool in
    docker) kind load docker-image --name "$cluster" "$image" ;;
    buildah)
        buildah push --quiet "$image" "docker-archive:$work/$name.tar:$image"
        kind load image-archive --name "$cluster" "$work/$name.tar"
        ;;
    *)
        "$tool" save --output "$work/$name.tar" "$image"
        kind load image-archive --name "$cluster" "$work/$name.tar"
        ;;
    esac
done
