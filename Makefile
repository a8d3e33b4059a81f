# Verbs. What each needs of the machine, `stagecraft` (tools/) sees to; uv is fetched where it is missing.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
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
kind: .venv ## Deploy to a kind cluster, curl every endpoint; VERIFY=true: only what is signed
	@$(STAGECRAFT) kind

.PHONY: kind-down
kind-down: .venv ## Remove the kind cluster
	@$(STAGECRAFT) kind-down

.PHONY: clean
clean: .venv ## Stop every service, remove the cluster, registry, builder, images, stand-ins
	@$(STAGECRAFT) clean

##@ Services
# not after .venv, which needs a lock that agrees with the folders: this is where it does not yet
.PHONY: new
new: .cache/uv.ready ## Make a service from the template: SERVICE=greeter
	@$(STAGECRAFT) new "$${SERVICE:-}"
	@$(MAKE) .venv

.PHONY: sync
sync: .cache/uv.ready ## Make every list of services agree with the folders under services/
	@$(STAGECRAFT) sync
	@$(MAKE) .venv

##@ Develop
.PHONY: dev
dev: .venv ## Reload on an edit, until Ctrl-C; SERVICE=, ENGINE=none, POLL=true, DEBUG=true
	@$(STAGECRAFT) dev

.PHONY: dev-kind
dev-kind: .venv ## Reload SERVICE=echo on an edit in the kind cluster, until Ctrl-C
	@$(STAGECRAFT) dev-kind

.PHONY: frontend
frontend: .venv ## Bundle front ends anew for make dev ENGINE=none
	@$(STAGECRAFT) frontend

.PHONY: logs
logs: .venv ## Follow what the services print; SERVICE=echo: one
	@$(STAGECRAFT) logs

.PHONY: shell
shell: .venv ## Open a shell where SERVICE=echo is developed
	@$(STAGECRAFT) shell

.PHONY: add
add: .venv ## Add PACKAGE= to what SERVICE= depends on, here and in make dev
	@$(STAGECRAFT) add

##@ Build
.PHONY: build
build: .venv ## Build the production images; TARGETS="echo-test": others
	@$(STAGECRAFT) build $(TARGETS)

.PHONY: plan
plan: .venv ## Print bake's plan; needs no engine, only buildx
	@$(STAGECRAFT) plan $(TARGETS)

.PHONY: builder
builder: .venv ## Have a builder that attests and keeps caches in a registry: eval "$$(make -s builder)"
	@$(STAGECRAFT) builder

.PHONY: affected
affected: .venv ## Print the services that a change touches; BASE=origin/main
	@$(STAGECRAFT) affected $(OPTIONS)

##@ Deliver
.PHONY: release-manifests
release-manifests: .venv ## Write dist/stagecraft.yaml with the built images' digests
	@$(STAGECRAFT) release-manifests

.PHONY: sbom
sbom: .venv ## Write what each built image holds: dist/sbom, in CycloneDX
	@$(STAGECRAFT) sbom

.PHONY: sign-key
sign-key: .venv ## Make a pair of keys in .keys; COSIGN_PASSWORD encrypts the private one
	@$(STAGECRAFT) sign-key

.PHONY: sign
sign: .venv ## Sign the built images and what they hold, in the registry
	@$(STAGECRAFT) sign

.PHONY: verify
verify: .venv ## Verify the signatures of the built images; IMAGE=any in a registry
	@$(STAGECRAFT) verify

.PHONY: bundle
bundle: .venv ## Write one file from which another machine needs no network
	@$(STAGECRAFT) bundle

.PHONY: load
load: ## In an unpacked bundle: compare the checksums, load the images
	@test ! -e SHA256SUMS || sha256sum --check --quiet --strict SHA256SUMS || \
	  { echo "This bundle is not as it was made: nothing was loaded." >&2; exit 1; }
	@$(MAKE) .venv
	@$(STAGECRAFT) load

##@ Check
.PHONY: test
test: lint ## Lint, unit tests, test stages, images, smoke; not test-kind and test-full
	@$(STAGECRAFT) engine
	@uv run --quiet pytest

.PHONY: test-service
test-service: .venv ## Each service's own tests, reports in dist/test; SERVICE=echo: one's
	@$(STAGECRAFT) test-service $(SERVICE)

.PHONY: test-kind
test-kind: .venv ## What only a cluster can show; needs, and makes, the kind cluster
	@uv run --quiet pytest tests/kind

.PHONY: test-full
test-full: .venv ## What takes minutes more: the developer's loop, browsers, platforms, signatures
	@uv run --quiet pytest tests/full

.PHONY: soak
soak: .venv ## Fifty rollouts and a million requests in the kind cluster
	@$(STAGECRAFT) soak

.PHONY: lint
lint: .venv ## Check format, lint, types, the locks and the workflows: .pre-commit-config.yaml
	@git ls-files -z --cached --others --exclude-standard | uv run --quiet prek run --quiet --files0-from -

.PHONY: hooks
hooks: .venv ## Run the same from now on before each commit, on what it changes
	@uv run --quiet prek install
	@echo "checking types once, from nothing: a commit goes on from there"
	-@uv run --quiet prek run --quiet --all-files mypy

.PHONY: format
format: .venv ## Format and fix the code, draw and write anew what is derived
	@uv run --quiet ruff format
	@uv run --quiet ruff check --fix
	@$(STAGECRAFT) graph

.PHONY: bench
bench: .venv ## Measure what the documents claim; PARTS="images builds": a part of it
	@$(STAGECRAFT) bench $(PARTS)

.PHONY: bench-peers
bench-peers: .venv ## Measure common Dockerfiles of a FastAPI service beside ours
	@$(STAGECRAFT) bench peers

##@ Look
.PHONY: inspect
inspect: .venv ## Show what is in SERVICE=echo's image; IMAGE=any:tag; HTML=1: a page
	@$(STAGECRAFT) inspect

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
	@uv sync $(SYNC) || { echo 'Has a folder come or gone under services/? `make sync` first.' >&2; exit 1; }
	@touch .venv
