# `make` lists the targets. Costs were measured on 2 cores without a GPU.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup test test-slow lint bench reproduce-quick report data clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PREPARE := ../shared/data/prepare.py

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv with the tested versions (2 min, once)

$(READY): pyproject.toml constraints.txt
	@for python in python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  python=; \
	done; \
	[ -n "$$python" ] || { echo "setup: no Python 3.11 or newer on the path" >&2; exit 1; }; \
	quiet="-qq --progress-bar off"; [ -t 1 ] && quiet=; \
	echo "setup: $$($$python --version) in $(VENV)"; \
	$$python -m venv $(VENV) && \
	$(BIN)/python -m pip install $$quiet --disable-pip-version-check -c constraints.txt -e '.[bench,dev]'
	@touch $@

test: $(READY) ## run the fast tests
	$(BIN)/python -m pytest -rs

test-slow: $(READY) ## run the slow tests
	$(BIN)/python -m pytest -m slow

lint: $(READY) ## check format, style and types (10 s)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

# The configured options skip benchmarks, so they are replaced.
bench: $(READY) ## time the K-means reduction against scikit-learn (3 min)
	$(BIN)/python -m pytest -o addopts= -q --benchmark-only --timeout 0 tests/bench

reproduce-quick: $(READY) ## train, compress, print the quick table and its figure (5 min)
	$(BIN)/python run.py experiment=quick
	$(BIN)/python -m experiments.report quick

report: $(READY) ## rebuild tables and figures from results/summary (10 s)
	$(BIN)/python -m experiments.report $(basename $(notdir $(wildcard results/summary/*.csv)))

data: $(READY) ## unpack the data of ../shared into data/, where it is there (5 s)
	@if [ -f $(PREPARE) ]; then \
	  $(BIN)/python $(PREPARE) data mnist fashion_mnist; \
	else \
	  echo "data: no $(PREPARE); nothing to do"; \
	fi

clean: ## remove the environment, caches and build products; data and results stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .benchmarks build dist *.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
