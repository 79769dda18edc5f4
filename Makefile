# The same words that README.md and .ci/run use. Each recipe sets up what it needs.
#
# ARGS is handed on:   make dev ARGS='--listen 127.0.0.1:9000'
#                      make test ARGS='a_greedy_addon'

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help bootstrap dev test check addons interop interop-full soak bench

target := $(or $(CARGO_TARGET_DIR),target)
# cargo-nextest where it is installed, cargo's own runner where not: the tests are the same.
nextest := $(shell command -v cargo-nextest 2>/dev/null)

help: ## Say what each word does
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 24

bootstrap: ## Ensure a Redis-compatible server and a way to compile guests
	@scripts/bootstrap

dev: addons ## The whole platform at once: API, workers, a private Redis, example addons, keys
	@cargo build
	@$(target)/debug/semantest dev $(ARGS)

test: addons ## Every test that ends within three minutes
ifneq ($(nextest),)
	cargo nextest run --no-fail-fast $(ARGS)
else
	cargo test --tests --no-fail-fast $(ARGS)
endif

check: ## Formatting, lints and the house rules
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo test --test tidy --quiet
	cargo fmt --manifest-path addons/Cargo.toml --all --check
	@if command -v cargo-deny >/dev/null 2>&1; then cargo deny check; fi

addons: bootstrap ## Build the example addons and the test fixtures for WebAssembly
	@scripts/build-addons

interop: addons ## Strangers' programs against the running platform: BullMQ, Bull Board, webhooks, a registry, addons in JavaScript and Python, the README's tour
	@scripts/bootstrap-node
	@scripts/bootstrap-registry
	@scripts/bootstrap-python
	@cargo build
	@scripts/build-polyglot
	@tests/interop/run

interop-full: addons ## The same, and what takes longer: mixed workers, kills and restarts under load
	@scripts/bootstrap-node
	@scripts/bootstrap-registry
	@scripts/bootstrap-python
	@cargo build
	@scripts/build-polyglot
	@tests/interop/run --full

soak: addons ## Kill workers and Redis under load, SOAK_MINUTES long (10), and count what was lost
	@scripts/bootstrap-node
	@cargo build
	@scripts/fault-soak
	@tests/interop/run --soak

bench: addons ## The figures of docs/PERFORMANCE.md, from a release build, as one JSON object
	@cargo build --release
	@$(target)/release/semantest bench --json $(ARGS)
