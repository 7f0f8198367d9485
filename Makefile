# Everything a developer or an operator of one machine does. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := proto kit services/auth services/sandbox services/ws-hub gateway agent sdk
CODE := kit services gateway agent sdk infra bench tests
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 16

# --- the environment --------------------------------------------------------------------------

$(VENV)/.stamp: requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || infra/install-venv.sh
	@echo "making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation $(addprefix -e ./,$(PACKAGES))
	@touch $@

.PHONY: venv lock
venv: $(VENV)/.stamp ## the Python environment, from requirements.lock
lock: ## resolve requirements.lock anew
	@python -m infra.lock

# --- the local stack --------------------------------------------------------------------------

.PHONY: up down status logs token clean demo
up: venv ## the whole system on this machine; again: brings it to what is asked
	@python -m infra.stack up
down: venv ## stop it; sandboxes and data stay
	@python -m infra.stack down
status: venv ## what runs
	@python -m infra.stack status
logs: venv ## follow the logs; PART=gateway for one part
	@python -m infra.stack logs $(PART)
token: venv ## a session token: make token EMAIL=a@example.com
	@python -m infra.stack token EMAIL=$(EMAIL)
clean: venv ## stop it and remove its containers, networks and state
	@python -m infra.stack clean
demo: venv ## the five-minute tour, told step by step, on the running stack
	@python -m infra.demo

# --- proof ------------------------------------------------------------------------------------

.PHONY: check format types lint imports proto proto-check openapi openapi-check house
check: venv lint types imports proto-check openapi-check house ## format, lint, types, import rules, contracts
	@echo "check: ok"
format: venv ## rewrite to the house format
	@ruff format --quiet $(CODE)
	@ruff check --quiet --fix $(CODE)
lint: venv
	@ruff format --check --quiet $(CODE) || { echo "run: make format"; exit 1; }
	@ruff check --quiet $(CODE)
	@python -m infra.lock check
types: venv
	@mypy
imports: venv
	@lint-imports --no-cache | tail -n 4
proto: venv ## regenerate the code of the contracts
	@proto/generate.sh
	@python agent/generate_schema.py
proto-check: proto
	@cd proto && buf lint
	@git diff --exit-code --stat -- proto agent/agent/schema.py || { echo "the generated code was not what the contracts say: commit it"; exit 1; }
openapi: venv ## regenerate gateway/gateway/openapi.json and docs/reference/api.md
	@python -m infra.openapi
openapi-check: openapi
	@git diff --exit-code --stat -- gateway/gateway/openapi.json docs/reference/api.md || { echo "the API description was stale: commit it"; exit 1; }
house: venv
	@pytest -q tests/house

.PHONY: test test-unit test-e2e compose-test bench
test: venv ## all tests, on real PostgreSQL, Redis and Docker that it starts itself
	@infra/test.sh
compose-test: venv ## compose.yaml brought up, tested end to end, taken down
	@infra/compose/test.sh
bench: venv ## the table of speeds, as ratios to bare parts measured in the same run
	@python -m bench
