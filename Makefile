# Two commands to begin with: `make up` runs everything in one process, `make test` tests all of it.
# `make` alone lists the rest. Cargo and a C compiler suffice to build.

CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help up build test servers delivery lint fmt clippy doc unused alone bench load clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## Build, and run everything in one process with a demo task (ARGS="--reset" and the like are passed on)
	@# Of the whole workspace, so that what is built for it serves the tests as well.
	$(CARGO) build --workspace --bin marea
	@"$${CARGO_TARGET_DIR:-target}/debug/marea" up --demo $(ARGS)

build: ## Build every binary and test, in the one profile that everything here uses
	$(CARGO) build --workspace --all-targets

test: ## Install what tests need (apt where it may), start real servers, run everything (TESTS=name: only those)
	@.ci/test $(TESTS)

servers: ## Only install what tests start: brokers, stores, an API server, tools
	libs/testkit/servers/install.sh

delivery: ## Scripts, workflows, images' files, every overlay on a real API server, rules, Terraform, checkov, Locust's files
	@.ci/delivery

lint: fmt clippy doc unused alone ## Format, clippy, documentation, unused dependencies, programs alone; a warning is an error

fmt: ## Is the code formatted (cargo fmt --all does it)
	$(CARGO) fmt --all --check

clippy: ## Lints, warnings are errors
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings

doc: ## Does the documentation build without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

alone: ## Do the programs build as images and releases have them, without our tests' dependencies
	@CARGO="$(CARGO)" docker/build --check

unused: ## Is every dependency used (needs and installs cargo-machete)
	@.ci/unused

ifneq ($(wildcard loadtest/Cargo.toml),)
bench: ## Benchmarks of both lines beside bare clients; prints a table (ARGS="--help" lists them)
	$(CARGO) build --release --workspace --bins
	$(CARGO) run --release --quiet --package loadtest -- $(ARGS)
endif

load: ## Locust casts ballots at a running Marea, in steps of users (ARGS="--web", "--grpc", "--host URL" …)
	@loadtest/locust/run $(ARGS)

clean: ## Remove what was built and the data of `make up`
	$(CARGO) clean
	rm -rf .marea
