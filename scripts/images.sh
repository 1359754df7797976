#!/usr/bin/env bash
# Builds the images of the operator, of the signers, of the intakes, of the deliveries and of the gateway.
#
#   scripts/images.sh [--prebuilt] [--archive FOLDER] [--push [--digests FOLDER]]
#
#   --prebuilt         take target/dist/chancery and chancery-{operator,signer,intake,delivery,gateway}; needs no base image and no network
#   --archive FOLDER   also write FOLDER/{operator,signer,intake,delivery,gateway}.tar, as `docker load` takes them
#   --push             push to the registry instead of keeping them here
#   --digests FOLDER   also write the digests of what was pushed to FOLDER/{operator,signer,intake,delivery,gateway}
#
#   CONTAINER_TOOL     docker (default, with buildx), podman or buildah
#   IMAGE_PREFIX       what comes before "/operator", "/signer", "/intake", "/delivery" and "/gateway"; default docker.io/chancery
#   VERSION            the tag; default the version of the workspace
#   PLATFORMS          such as linux/amd64,linux/arm64; default the machine's own
set -euo pipefail
cd "$(dirname "$0")/.."

tool=${CONTAINER_TOOL:-docker}
prefix=${IMAGE_PREFIX:-docker.io/chancery}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)}
platforms=${PLATFORMS:-}
revision=$(git rev-parse HEAD 2>/dev/null || true)

fail() {
    echo "images: $*" >&2
    exit 2
}

files=built archive='' push=no digests=''
while [ $# -gt 0 ]; do
    case $1 in
    --prebuilt) files=prebuilt ;;
    --archive) archive=${2:?images: --archive needs a folder} && shift ;;
    --push) push=yes ;;
    --digests) digests=${2:?images: --digests needs a folder} && shift ;;
    *) fail "unknown argument \`$1\`; known are --prebuilt, --archive FOLDER, --push and --digests FOLDER" ;;
    esac
    shift
done
case $tool in
docker | podman | buildah) ;;
*) fail "CONTAINER_TOOL is \`$tool\`; known are docker, podman and buildah" ;;
esac
command -v "$tool" >/dev/null || fail "CONTAINER_TOOL is $tool, which is not installed"
if [[ $platforms == *,* && $push = no ]]; then
    fail "images for several platforms can only be pushed; add --push, or name one in PLATFORMS"
fi

if [ -n "$digests" ]; then
    if [ "$push" = no ]; then fail "an image has a digest once it is pushed; add --push"; fi
    mkdir -p "$digests"
fi

context=.
if [ "$files" = prebuilt ]; then
    if [[ $platforms == *,* ]]; then fail "--prebuilt makes images for one platform"; fi
    context=target/images
    rm -rf "$context"
    mkdir -p "$context"
    for name in operator signer intake delivery gateway; do
        programs=("target/dist/chancery-$name")
        # For `kubectl exec`.
        if [ "$name" = operator ]; then programs+=(target/dist/chancery); fi
        scripts/rootfs.sh "$context/$name" "${programs[@]}"
    done
fi

# build NAME
build() {
    local name=$1 image="$prefix/$1:$version"
    local -a arguments=(--file Dockerfile --target "$name"
        --build-arg FILES="$files" --build-arg VERSION="$version" --build-arg REVISION="$revision")
    if [ -n "$platforms" ]; then arguments+=(--platform "$platforms"); fi
    case $tool in
    docker)
        arguments+=(--tag "$image" "--$([ "$push" = yes ] && echo push || echo load)")
        if [ -n "$digests" ]; then arguments+=(--metadata-file "$digests/$name.json"); fi
        docker buildx build "${arguments[@]}" "$context"
        if [ -n "$digests" ]; then
            sed -n 's/^ *"containerimage.digest": "\(sha256:[0-9a-f]\{64\}\)".*/\1/p' "$digests/$name.json" >"$digests/$name"
        fi
        ;;
    *)
        if [ "$push" = yes ]; then
            # A list of images, also for one platform; left from an earlier build, it would grow.
            "$tool" manifest rm "$image" >/dev/null 2>&1 || true
            "$tool" build "${arguments[@]}" --manifest "$image" "$context"
            local -a digest=()
            if [ -n "$digests" ]; then digest=(--digestfile "$digests/$name"); fi
            "$tool" manifest push --all "${digest[@]}" "$image" "docker://$image"
        else
            "$tool" build "${arguments[@]}" --tag "$image" "$context"
        fi
        ;;
    esac
    if [ -n "$digests" ] && ! grep -q '^sha256:' "$digests/$name"; then fail "$tool told no digest of $image"; fi
    if [ -n "$archive" ]; then
        mkdir -p "$archive"
        rm -f "$archive/$name.tar"
        case $tool in
        buildah) buildah push --quiet "$image" "docker-archive:$archive/$name.tar:$image" ;;
        *) "$tool" save --output "$archive/$name.tar" "$image" ;;
        esac
    fi
    echo "images: $image"
}

build operator
build signer
build intake
build delivery
build gateway
