# The front door: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DEBUG_VV := target/debug/vv
DEMO := --stack demo --env-file tests/parts/images.env
MUSL := x86_64-unknown-linux-musl

.PHONY: help demo demo-down test soak check bench parts peers completions release picture

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: ## Starts the demo shop on real systems; installs and builds what is missing
	@scripts/demo

demo-down: ## Removes what `make demo` started
	@if [ -x $(DEBUG_VV) ]; then $(DEBUG_VV) $(DEMO) down -v --remove-orphans; else echo "there is no demo to remove"; fi

test: ## Unit, snapshot and live tests, in one command; cleans up after itself
	@scripts/test

soak: ## Asks a healthy platform 500 times under CPU load whether it is well: no false alarm
	VV_HEALTH_RUNS=500 scripts/test --test it health_never_cries_wolf -- --nocapture

check: ## fmt, clippy, and cargo-deny where it is installed
	cargo fmt --all --check
	@scripts/ensure-compiler
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@tests/parts/build --check
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; else echo "cargo-deny isn't installed: licences and advisories were not checked"; fi

parts: ## Builds the real systems that tests and the demo run on
	@scripts/ensure-docker
	@tests/parts/build

peers: ## Builds docker compose 2.40.3, which benches and interop tests compare with
	@scripts/peers

bench: ## Measures vv beside docker compose and writes docs/benchmarks.md
	@scripts/ensure-docker
	@tests/parts/build
	@scripts/peers
	@scripts/ensure-compiler
	cargo build --release --locked
	@benches/run

completions: ## Writes the completion scripts into completions/
	@scripts/ensure-compiler
	cargo build --locked
	@$(DEBUG_VV) completions bash > completions/vv.bash
	@$(DEBUG_VV) completions zsh > completions/_vv
	@$(DEBUG_VV) completions fish > completions/vv.fish

release: ## Builds the static binary dist/vv
	@scripts/release $(MUSL)

picture: ## Makes docs/vv.svg, the README's picture, from a real run
	@scripts/picture
