# Verbs. What each needs of the machine, `stagecraft` (tools/) sees to; uv is fetched where it is missing.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PATH := $(CURDIR)/.cache/uv:$(PATH)
STAGECRAFT := uv run --quiet stagecraft
SYNC := --quiet --frozen --all-packages
# in a bundle: no network
-include bundle.mk

##@ Run
.PHONY: up
up: .venv ## Build, start and curl every service; ENGINE=none: without Docker
	@$(STAGECRAFT) up

.PHONY: smoke
smoke: .venv ## Curl every endpoint; BASE_URL="echo=http://…": somewhere else
	@$(STAGECRAFT) smoke

.PHONY: down
down: .venv ## Stop every service
	@$(STAGECRAFT) down

.PHONY: kind
kind: .venv ## Deploy every service to a kind cluster, curl every endpoint
	@$(STAGECRAFT) kind

.PHONY: kind-down
kind-down: .venv ## Remove the kind cluster
	@$(STAGECRAFT) kind-down

.PHONY: clean
clean: .venv ## Stop every service, remove every image and stand-in made here
	@$(STAGECRAFT) clean

##@ Build
.PHONY: build
build: .venv ## Build the production images; TARGETS="echo-test": others
	@$(STAGECRAFT) build $(TARGETS)

.PHONY: plan
plan: .venv ## Print bake's plan; needs no engine, only buildx
	@$(STAGECRAFT) plan $(TARGETS)

##@ Deliver
.PHONY: release-manifests
release-manifests: .venv ## Write dist/stagecraft.yaml with the built images' digests
	@$(STAGECRAFT) release-manifests

.PHONY: bundle
bundle: .venv ## Write one file from which another machine needs no network
	@$(STAGECRAFT) bundle

.PHONY: load
load: ## In an unpacked bundle: compare the checksums, load the images
	@test ! -e SHA256SUMS || sha256sum --check --quiet --strict SHA256SUMS || \
	  { echo "This bundle is not as it was made: nothing was loaded." >&2; exit 1; }
	@$(MAKE) --no-print-directory .venv
	@$(STAGECRAFT) load

##@ Check
.PHONY: test
test: lint ## Everything: lint, unit tests, test stages, images, smoke
	@$(STAGECRAFT) engine
	@uv run --quiet pytest

.PHONY: test-service
test-service: .venv ## Each service's own tests, reports in dist/test; SERVICE=echo: one's
	@$(STAGECRAFT) test-service $(SERVICE)

.PHONY: test-kind
test-kind: .venv ## What only a cluster can show; needs, and makes, the kind cluster
	@uv run --quiet pytest tests/kind

.PHONY: soak
soak: .venv ## Fifty rollouts and a million requests in the kind cluster
	@$(STAGECRAFT) soak

.PHONY: lint
lint: .venv ## Check format, lint, types, the lock and the workflows
	@uv lock --check --quiet && uv lock --check --quiet --project tests/scan
	@uv run --quiet ruff format --check --quiet
	@uv run --quiet ruff check --quiet
	@MYPYPATH="$$(echo libs/*/src services/*/src tools/src | tr ' ' :)" uv run --quiet mypy
	@uv run --quiet hadolint Dockerfile # not the single-stage one: what it would say there is the lesson
	@uv run --quiet tally lint Dockerfile && uv run --quiet tally lint Dockerfile.single-stage && uv run --quiet tally lint docker-bake.hcl
	@uv run --quiet shellcheck .ci/run deploy/kind/node-image/build.sh
	@uv run --quiet yamllint --strict .
	@uv run --quiet zizmor --offline --quiet --pedantic .github

.PHONY: format
format: .venv ## Format and fix the code, draw the stage graph anew
	@uv run --quiet ruff format
	@uv run --quiet ruff check --fix
	@$(STAGECRAFT) graph

.PHONY: bench
bench: .venv ## Measure what the documents claim
	@$(STAGECRAFT) bench

##@ Look
.PHONY: doctor
doctor: .venv ## Show what this machine has, and what to do about the rest
	@$(STAGECRAFT) doctor

.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-17s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# a marker, as uv may be one of the machine's own
.cache/uv.ready: tools/get_uv.py
	@mkdir -p .cache
	@python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@command -v uv >/dev/null || python3 tools/get_uv.py .cache/uv
	@touch $@

.venv: .cache/uv.ready uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml) tools/pyproject.toml
	@uv sync $(SYNC)
	@touch .venv
