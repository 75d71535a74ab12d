# Everything a checkout needs: Python 3.11 or later and make. Each target sets up what it uses, in a
# virtual environment of its own, and is quick the second time. With another Python beside it:
# make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
NODE_DIR := .conformance
PACKAGE_VENV := .venv-package
PACKAGE_BIN := $(PACKAGE_VENV)/bin
# Where the image is that server.json names, with its registry; empty: it names none.
IMAGE ?=
# All that `opsmcp serve` may need; not the chat.
EXTRAS_OF_IMAGE := console events metrics nats otel
SECONDS_OF_SOAK ?= 600
# Exact versions of the development tools, so that a new release of one turns no check red.
CONSTRAINTS ?= .ci/constraints.txt

.PHONY: demo demo-incident test check newest bench picture soak conformance format clean \
	package package-check shell-files requirements

demo: $(VENV)/.installed
	@$(BIN)/opsmcp demo

# An alert, a request, an approval, the run and the verification: docs/incidents.md.
demo-incident: $(VENV)/.events
	@$(BIN)/python -m tests.docs.demo_incident

# Tests start hundreds of processes: each would compile everything anew where no bytecode is kept.
test: export PYTHONDONTWRITEBYTECODE =
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

# Everything that is shipped, into dist/: docs/releasing.md.
package: $(PACKAGE_VENV)/.tools
	$(PACKAGE_BIN)/python -m deploy.package --image "$(IMAGE)"

# What `make package` made, by other people's validators and on a clean machine. Some minutes, and as root
# the images, too.
package-check: package
	BIN=$(PACKAGE_BIN) sh tests/packaging/check.sh

# Completions and man pages anew, after a command or an option changed.
shell-files: $(PACKAGE_VENV)/.tools
	$(PACKAGE_BIN)/python -m deploy.shell_files

# What the images install, with hashes, anew: the newest of everything that pyproject.toml allows.
requirements: $(PACKAGE_VENV)/.tools
	$(PACKAGE_BIN)/uv pip compile pyproject.toml $(EXTRAS_OF_IMAGE:%=--extra %) --python-version 3.11 \
		--upgrade --generate-hashes --quiet --custom-compile-command "make requirements" \
		--output-file deploy/image/requirements.txt

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .venv-newest $(PACKAGE_VENV) $(NODE_DIR) .package-tools .image-check dist .coverage* .pytest_cache .ruff_cache .hypothesis .import_linter_cache

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

$(PACKAGE_VENV)/.tools: pyproject.toml
	@echo "Installing what packaging needs ..."
	@$(PYTHON) -m venv $(PACKAGE_VENV)
	@$(PACKAGE_BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(PACKAGE_BIN)/python -m pip install --quiet --disable-pip-version-check --group package \
		$(EXTRAS_OF_IMAGE:%=--editable '.[%]')
	@touch $@
