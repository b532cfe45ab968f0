# The project's six commands. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# A newer Node than the system's, where tests/prepare had to bring one.
export PATH := $(CURDIR)/tests/.node/node_modules/node/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help demo test lint release bench docs

help: ## Lists the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/'

demo: ## Gateway with its web console, echo backend, token issuer and a user store, with curl lines to paste
	tests/prepare compiler console
	cargo run --profile quick -p countersign -- demo

test: ## Unit, property and end-to-end tests, then the black-box tests with other people's JWT libraries
	tests/prepare compiler python node console browser servers
	npm run --prefix console --silent test
	cargo test --workspace --locked
	tests/run

lint: ## Format, clippy, rustdoc, the console's types and rules, and the workspace's own rules
	tests/prepare compiler console
	npm run --prefix console --silent lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
	cargo run -q --locked -p xtask -- check

release: ## The binary for a server, the console in it: target/release/countersign (docs/deploy.md)
	tests/prepare compiler console
	cargo build --release --locked -p countersign

bench: ## What requests, users and their stores cost, beside nginx and HAProxy: docs/performance.md
	tests/prepare compiler python node console servers
	bench/run

docs: ## The Rust documentation, in target/doc
	tests/prepare compiler
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
