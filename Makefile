# Every command of the project. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# With DATABASE_URL set, the server is somebody else's: none is installed.
SETUP := scripts/setup.sh $(if $(DATABASE_URL),--no-postgres)
MANIFEST ?= examples/signingrun.yaml

.PHONY: help
help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: ## Install what is missing: PostgreSQL's server binaries
	@$(SETUP)

.PHONY: build
build: setup ## Build the programs, optimised
	cargo build --release --locked --package chancery --package chancery-signer

.PHONY: run
run: build ## Sign MANIFEST (default examples/signingrun.yaml) and audit the result; ARGS adds arguments
	target/release/chancery run --file $(MANIFEST) $(ARGS)

.PHONY: test
test: ## Run every test
	@scripts/setup.sh
	cargo build --locked --workspace --bins
	cargo test --locked --workspace

.PHONY: verify
verify: ## Format, lints, generated files, licences and advisories
	@scripts/setup.sh --cargo-deny
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps
	scripts/generate.sh --check
	scripts/deny.sh

.PHONY: generate
generate: setup ## Write the generated files anew: crds/, migrations/schema.sql
	scripts/generate.sh

.PHONY: bench
bench: setup ## Measure, as ratios side by side; writes bench/results/; ARGS adds arguments
	cargo build --release --locked --package chancery --package chancery-signer --package chancery-bench
	target/release/chancery-bench $(ARGS)

.PHONY: clean-data
clean-data: ## Remove the private PostgreSQL, its ledgers and its KEK
	rm -rf .chancery
