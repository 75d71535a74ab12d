# Everything a checkout needs: Python 3.11 or later and make. Each target sets up what it uses, in a
# virtual environment of its own, and is quick the second time. With another Python beside it:
# make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NODE_DIR := .conformance
SECONDS_OF_SOAK ?= 600
# Exact versions of the development tools, so that a new release of one turns no check red.
CONSTRAINTS ?= .ci/constraints.txt

.PHONY: demo demo-incident test check newest bench picture soak conformance format clean

demo: $(VENV)/.installed
	@$(BIN)/opsmcp demo

# An alert, a request, an approval, the run and the verification: docs/incidents.md.
demo-incident: $(VENV)/.events
	@$(BIN)/python -m tests.docs.demo_incident

test: $(VENV)/.dev
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n auto --dist worksteal
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# Tests and checks with the newest release of every development tool, in an environment of their own.
newest:
	$(MAKE) check test VENV=.venv-newest CONSTRAINTS=/dev/null

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ONLY)

# Ten minutes of clients, runs, faults and changes; too long for every day. SECONDS_OF_SOAK=60 for a
# shorter one.
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks.soak --seconds $(SECONDS_OF_SOAK)

# Records the session of docs/copilot.md anew, and its picture.
picture: $(VENV)/.dev
	$(BIN)/python -m tests.docs.copilot_session

# The official conformance suite and the inspector come from npm and need Node.js on the PATH.
conformance: $(VENV)/.dev
	NODE_DIR=$(NODE_DIR) BIN=$(BIN) sh tests/conformance/run.sh

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-newest $(NODE_DIR) .coverage* .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "opsmcp needs Python 3.11 or later")'
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	@echo "Installing opsmcp ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.events: $(VENV)/.installed
	@echo "Installing what responders need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[events]'
	@touch $@

$(VENV)/.dev: $(VENV)/.installed .ci/constraints.txt
	@echo "Installing what tests and checks need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --constraint $(CONSTRAINTS)
	@touch $@
