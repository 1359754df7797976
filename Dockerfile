# The images of the operator, of the signers, of the intakes, of the deliveries and of the gateway: `make images`. Each holds one
# program, that of the operator the command line besides, and the shared libraries that they need; no shell, no package manager, no other base.
#
#   --target operator|signer|intake|delivery|gateway   which of them
#   --build-arg FILES=…               built: compile them here; prebuilt: take the trees operator/, signer/,
#                                     intake/, delivery/ and gateway/ that scripts/rootfs.sh made, which then are the whole build context

ARG FILES=built
# That of rust-toolchain.toml. A release is built with --build-arg FILES=prebuilt, from no other image at all.
ARG RUST_VERSION=1.95.0
# Of the image of that version, for all its architectures. Another version has another one.
ARG RUST_IMAGE_DIGEST=sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1

FROM scratch AS prebuilt
COPY . /

# Compiles on the machine's own architecture for the one wanted: emulating it would take hours.
FROM --platform=$BUILDPLATFORM docker.io/library/rust:${RUST_VERSION}-bookworm@${RUST_IMAGE_DIGEST} AS built
ARG TARGETARCH
WORKDIR /src
RUN set -eu; \
    case "$TARGETARCH" in \
        amd64) machine=x86_64 package=x86-64 ;; \
        arm64) machine=aarch64 package=aarch64 ;; \
        *) echo "no image for $TARGETARCH" >&2; exit 1 ;; \
    esac; \
    if [ "$(uname -m)" != "$machine" ]; then \
        apt-get update; \
        apt-get install --no-install-recommends --yes \
            "gcc-$package-linux-gnu" "libc6-dev-$TARGETARCH-cross"; \
    fi; \
    rustup target add "$machine-unknown-linux-gnu"; \
    echo "$machine" > /machine
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=chancery-target-$TARGETARCH \
    set -eu; \
    machine=$(cat /machine); target=$machine-unknown-linux-gnu; compiler=$machine-linux-gnu-gcc; \
    export "CC_$(echo "$target" | tr - _)=$compiler"; \
    export "CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)_LINKER=$compiler"; \
    cargo build --profile dist --locked --target "$target" \
        --package chancery --package chancery-operator --package chancery-signer --package chancery-intake \
        --package chancery-delivery --package chancery-gateway; \
    programs=target/$target/dist; export CC=$compiler; \
    scripts/rootfs.sh /rootfs/operator "$programs/chancery-operator" "$programs/chancery"; \
    scripts/rootfs.sh /rootfs/signer "$programs/chancery-signer"; \
    scripts/rootfs.sh /rootfs/intake "$programs/chancery-intake"; \
    scripts/rootfs.sh /rootfs/delivery "$programs/chancery-delivery"; \
    scripts/rootfs.sh /rootfs/gateway "$programs/chancery-gateway"; \
    cp -a /rootfs/. /

FROM ${FILES} AS files

# What all images have in common.
FROM scratch AS program
ARG VERSION=0.0.0
ARG REVISION=
LABEL org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532

FROM program AS operator
LABEL org.opencontainers.image.title="chancery-operator" \
    org.opencontainers.image.description="Looks after SigningRuns: seeds the ledger, starts signers, tells how far they are"
COPY --from=files /operator/ /
EXPOSE 8080 8081
ENTRYPOINT ["/chancery-operator"]

FROM program AS signer
LABEL org.opencontainers.image.title="chancery-signer" \
    org.opencontainers.image.description="Signs the records of a run: lease, claim, sign, store, release"
COPY --from=files /signer/ /
EXPOSE 9090
ENTRYPOINT ["/chancery-signer"]

FROM program AS intake
LABEL org.opencontainers.image.title="chancery-intake" \
    org.opencontainers.image.description="Reads the sources of a run, and admits what they offer"
COPY --from=files /intake/ /
ENTRYPOINT ["/chancery-intake"]

FROM program AS delivery
LABEL org.opencontainers.image.title="chancery-delivery" \
    org.opencontainers.image.description="Brings the signed batches of a run to its sinks"
COPY --from=files /delivery/ /
ENTRYPOINT ["/chancery-delivery"]

FROM program AS gateway
LABEL org.opencontainers.image.title="chancery-gateway" \
    org.opencontainers.image.description="Takes in the records that programs push to runs, and shows what became of them"
COPY --from=files /gateway/ /
EXPOSE 8443 8080 8081
ENTRYPOINT ["/chancery-gateway"]
