# Rapport. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
SAMPLE ?= small
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := shared $(wildcard services/*-service) deploy/local
MANIFESTS := pyproject.toml $(addsuffix /pyproject.toml,$(MEMBERS))
READY := $(VENV)/.ready
SOURCES := shared/src services deploy/local/src tests

.PHONY: help setup demo run test test-spark check format bench token lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

setup: $(READY) ## virtual environment with everything the other targets need

$(READY): requirements.lock $(MANIFESTS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(addprefix -e ./,$(MEMBERS))
	@touch $@

demo: $(READY) ## load the sample, play the story on it, check every step, exit (SAMPLE=small|full)
	@$(BIN)/python -m rapport_local demo --sample $(SAMPLE)

run: $(READY) ## start PostgreSQL and the four services and keep them up (SAMPLE=none|small|full)
	@exec $(BIN)/python -m rapport_local run --sample $(SAMPLE)

test: $(READY) ## all tests
	@$(BIN)/python -m pytest

test-spark: $(READY) ## rules on a Spark cluster of this machine against DuckDB (installs PySpark; needs Java 17)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python "$$(sed -n 's/^spark = \["\(.*\)"\]/\1/p' services/segment-service/pyproject.toml)"
	@$(BIN)/python -m pytest -n0 tests/segment/test_rule_spark.py

check: $(READY) ## lint, types, import contracts
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## rewrite the sources in the house's format
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

bench: $(READY) ## measure against bare baselines and print the table
	@$(BIN)/python -m tests.benchmarks

token: $(READY) ## a signed token: make token SCOPES="profiles:read segments:read"
	@$(BIN)/python -m rapport_local token --scopes "$(SCOPES)"

lock: ## renew requirements.lock from the manifests
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 \
	  --group dev $(MANIFESTS) --no-emit-package rapport $(foreach s,profile segment campaign interaction,--no-emit-package rapport-$(s)-service) \
	  -o requirements.lock

clean: ## remove the environment, the data and caches
	@rm -rf $(VENV) .rapport .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
