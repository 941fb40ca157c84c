# Two commands set up everything: `make tune` and `make test`.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# make tune CONFIG=my.toml PARALLEL=4 BACKEND=mock ARGS="--fresh"
CONFIG   ?=
PARALLEL ?=
BACKEND  ?=
ARGS     ?=

.DEFAULT_GOAL := help
.PHONY: help setup tune test test-gpu lint type fmt bench bench-gpu docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

setup: $(VENV)/.ready ## Create .venv and install the harness with its development tools

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "harness needs Python 3.10 or newer; $(PYTHON) is %d.%d; try: make PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

tune: setup ## Tune CONFIG (default: an example that fits this machine) on PARALLEL lanes
	@$(BIN)/harness tune $(if $(CONFIG),'$(CONFIG)') $(if $(PARALLEL),--parallel '$(PARALLEL)') $(if $(BACKEND),--backend '$(BACKEND)') $(ARGS)

test: setup ## Run the test suite
	@$(BIN)/python -m pytest -n auto -m 'not gpu'

test-gpu: setup ## Run the tests that need an NVIDIA GPU
	@$(BIN)/python -m pytest -m gpu

lint: setup type ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

type: setup
	@$(BIN)/mypy

fmt: setup ## Format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

bench: setup ## Measure the harness itself, against peers where they are installed
	@for script in tests/benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python -m tests.benchmarks.$$(basename $$script .py) || exit 1; done

bench-gpu: setup ## Measure what it achieves on this machine's GPUs; PARTS="noise events"
	@$(BIN)/python -m tests.benchmarks.gpu $(PARTS)

docs: setup ## Rebuild the generated pages of docs/
	@$(BIN)/python -m harness.config.reference docs/configuration.md

clean: ## Remove what building and testing left
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
