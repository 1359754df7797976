# Every command of the project. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# With DATABASE_URL set, the server is somebody else's: none is installed.
SETUP := scripts/setup.sh $(if $(DATABASE_URL),--no-postgres)
MANIFEST ?= examples/signingrun.yaml
KIND_CLUSTER ?= chancery

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Install what is missing: PostgreSQL's server binaries
	@$(SETUP)

.PHONY: build
build: setup ## Build the programs, optimised
	cargo build --release --locked --package chancery --package chancery-signer --package chancery-intake --package chancery-delivery

.PHONY: run
run: build ## Sign MANIFEST (default examples/signingrun.yaml) and audit the result; ARGS adds arguments
	target/release/chancery run --file $(MANIFEST) $(ARGS)

.PHONY: test
test: ## Run every test, several programs at a time; ARGS adds arguments of cargo test, such as --test NAME
	@scripts/setup.sh --helm-if-possible --pgbouncer-if-possible --independent-audit-if-possible --object-store-if-possible --azurite-if-possible --schemathesis-if-possible --envelopes-if-possible --anvil-if-possible --peers-if-possible --valgrind-if-possible
	cargo build --locked --workspace --bins
	scripts/test.sh $(ARGS)

.PHONY: test-many
test-many: ## Read a million lines of each kind of source, by optimised programs
	@scripts/setup.sh --independent-audit-if-possible --object-store-if-possible
	cargo build --release --locked --workspace --bins
	cargo test --release --locked --workspace --test sources many

.PHONY: test-kernel
test-kernel: ## Sign a million random records with the kernel, and see by the clock that its time tells nothing; wants a quiet core
	@scripts/setup.sh --no-postgres
	cargo test --release --locked --package chancery-kernel --lib -- --ignored --nocapture --test-threads 1 million times_tell

.PHONY: model
model: ## Visit every state of the lease protocol's model, within the bounds that it prints
	cargo run --release --locked --package chancery-model

.PHONY: mutants
mutants: setup ## Take out one safeguard at a time, and see that its test fails: some twenty minutes
	scripts/mutants.sh

# Of each target. Not bash's own variable of that name: make puts it in.
SECONDS = 60

.PHONY: fuzz
fuzz: ## Feed random input to everything that is parsed from outside, SECONDS (60) each
	@scripts/setup.sh --no-postgres --cargo-fuzz
	scripts/fuzz.sh $(SECONDS)

.PHONY: chaos
chaos: ## Play runs with faults drawn from SEED, for MINUTES or so many SCHEDULES, and judge each; READING=1: only those that read, PUSHED=1: only those to which clients push, BROUGHT=1: only those with sinks
	@scripts/setup.sh --independent-audit-if-possible --helm-if-possible
	cargo build --locked --workspace --bins
	PATH="$$PWD/.tools/bin:$$PATH" target/debug/chancery-chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SCHEDULES),--schedules $(SCHEDULES)) $(if $(READING),--only-reading) $(if $(PUSHED),--only-pushed) $(if $(BROUGHT),--only-brought)

.PHONY: verify
verify: ## Format, lints, generated files, licences and advisories
	@scripts/setup.sh --cargo-deny
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps
	scripts/generate.sh --check
	scripts/deny.sh

.PHONY: generate
generate: setup ## Write the generated files anew: crds/, the chart's CRD, docs/reference/signingrun.md, migrations/schema.sql
	scripts/generate.sh

.PHONY: bench
bench: bench-build ## Measure, as ratios side by side; writes bench/results/; ARGS adds arguments, --list shows names
	target/release/chancery-bench $(ARGS)

.PHONY: bench-quick
bench-quick: bench-build ## The same with a thirtieth of the work, to bench/results/quick/
	target/release/chancery-bench --quick $(ARGS)

.PHONY: bench-docs
bench-docs: bench-build ## Write the tables and charts of docs/internals/performance*.md from bench/results/
	target/release/chancery-bench --write-docs $(ARGS)

.PHONY: bench-build
bench-build: setup
	cargo build --release --locked --package chancery --package chancery-signer --package chancery-intake --package chancery-delivery --package chancery-bench

.PHONY: counts
counts: ## Print the counts that tests hold below bounds: round trips, WAL, allocations, instructions
	@scripts/setup.sh --valgrind-if-possible
	cargo build --locked --workspace --bins
	cargo test --locked --workspace --test counts -- --nocapture

.PHONY: bench-peers
bench-peers: ## Measure against graphile-worker, pg-boss, procrastinate and plain Rust; ARGS='--quick' in 2 minutes
	@scripts/setup.sh --peers
	scripts/crypto-mb.sh
	cargo build --release --locked --package chancery --package chancery-signer --package chancery-bench
	target/release/chancery-bench-peers $(ARGS)

.PHONY: chart
chart: ## Lint the chart and write it as a package to target/charts
	@scripts/setup.sh --no-postgres --helm
	PATH="$$PWD/.tools/bin:$$PATH"; helm lint --strict charts/chancery && helm package charts/chancery --destination target/charts

.PHONY: images
images: ## Build the images, with CONTAINER_TOOL (docker, podman, buildah) and VERSION (the workspace's)
	scripts/images.sh $(ARGS)

.PHONY: images-prebuilt
images-prebuilt: ## The same from programs compiled here: needs no base image
	@scripts/setup.sh --no-postgres
	cargo build --profile dist --locked --package chancery --package chancery-operator --package chancery-signer --package chancery-intake --package chancery-delivery --package chancery-gateway
	scripts/images.sh --prebuilt $(ARGS)

.PHONY: reproducible
reproducible: ## Build what is committed twice, in two folders, and compare byte by byte; prints the SHA-256 of each program
	@scripts/setup.sh --no-postgres
	scripts/reproducible.sh $(ARGS)

.PHONY: kind-up
kind-up: ## Make the local cluster of kind-config.yaml
	kind create cluster --name $(KIND_CLUSTER) --config kind-config.yaml --wait 5m

.PHONY: kind-load
kind-load: ## Load the images into the local cluster
	scripts/kind-load.sh $(KIND_CLUSTER)

.PHONY: kind-down
kind-down: ## Remove the local cluster
	kind delete cluster --name $(KIND_CLUSTER)

.PHONY: e2e
e2e: ## Install, sign, audit and test on the cluster that KUBECONFIG names
	@scripts/setup.sh --no-postgres --helm
	scripts/e2e.sh

.PHONY: bench-cluster
bench-cluster: ## Measure the operator on the API server in KUBEBUILDER_ASSETS; ARGS adds arguments
	@scripts/setup.sh --helm
	cargo build --release --locked --package chancery-operator --package chancery-signer --package chancery-bench
	target/release/chancery-bench-cluster $(ARGS)

.PHONY: clean-data
clean-data: ## Remove the private PostgreSQL, its ledgers and its KEK
	rm -rf .chancery
