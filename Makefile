# Everything is done in .venv, which the first command makes. Needs Python 3.11+ and make, nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
            command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
PLUGINS := $(wildcard instrumentations/*)
SOURCES := runlog instrumentations tests benchmarks hatch_build.py
PAGE    := $(BIN)/python scripts/page
JOBS    ?= 2
ROUNDS  ?= 5
RUNS    ?= 100000

.PHONY: help setup setup-bench page demo test test-slow coverage lint format bench soak docs screenshots wheel check-wheel clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1|/' | column -t -s '|'

setup: $(VENV)/.ready ## make .venv and install the project and its tools into it

$(VENV)/.ready: pyproject.toml $(wildcard instrumentations/*/pyproject.toml) scripts/install
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found; name one: make PYTHON=/path/to/python3" >&2; exit 2; }
	@scripts/install "$(PYTHON)" $(VENV) "dev"
	@$(PAGE) build --if-possible # the installation did; if it could not, this says why
	@touch $@

# The peers stand in an environment of their own: one of them slows the import of pydantic down for all.
setup-bench: .venv-bench/.ready
.venv-bench/.ready: pyproject.toml scripts/install
	@scripts/install "$(PYTHON)" .venv-bench "bench"
	@touch $@

page: setup ## build the web page into runlog/web/static
	@$(PAGE) build --force

# The installation builds the page. Once more where that was not possible, or where its sources have changed since.
.PHONY: current-page
current-page: setup
	@$(PAGE) build --if-possible

demo: current-page ## run the demo project: real tasks against a real server and database, then what happened in each
	@$(BIN)/runlog demo
	@echo "The command is $(BIN)/runlog; to type just runlog:  source $(BIN)/activate"

test: current-page ## run the test suites of page and package (about 9 minutes on 2 cores) and print the branch coverage
	@echo "── tests of the web page ──"
	@$(PAGE) test
	@echo "── tests ──"
	@$(BIN)/pytest -q -n $(JOBS) --durations=5 --cov=runlog --cov-branch --cov-report=
	@echo "branch coverage of runlog/, without the processes that tests start: $$($(BIN)/coverage report --format=total) %"

test-slow: setup ## the fault, soak and property tests in their long form, with 100 kills each (ROUNDS=5)
	@RUNLOG_TEST_ROUNDS=$(ROUNDS) $(BIN)/pytest -q -m "slow or not slow" -o timeout=1800 \
	  tests/faults tests/recording tests/stores tests/engines tests/executor tests/tasks tests/two_process \
	  tests/cli/test_demo.py tests/test_bad_input.py tests/test_supervisor.py tests/browser/test_large.py

coverage: test ## the test suite, then its coverage line by line
	@$(BIN)/coverage report --show-missing

lint: setup ## ruff, mypy --strict, import contracts; tsc and biome for the web page
	@echo "── lint ──"
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@echo "── lint of the web page ──"
	@$(BIN)/python scripts/api-types --check
	@$(PAGE) lint

format: setup ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)
	@$(PAGE) format

bench: setup-bench ## measure against peers, ratios in one run
	@.venv-bench/bin/python -m benchmarks

soak: setup ## 100,000 runs (RUNS=...) in one process: memory, files and latency have to stay flat
	@$(BIN)/python -m benchmarks.soak $(RUNS)

docs: setup ## build the documentation; a warning is an error
	@$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build
	@echo "built docs/_build/index.html"

screenshots: current-page ## make the pictures of the page in docs/images anew; needs Chromium
	@$(BIN)/python scripts/screenshots

wheel: setup ## build the wheels of runlog and of every instrumentation into dist/
	@rm -rf dist
	@for p in . $(PLUGINS); do $(BIN)/python -m build -q --wheel --outdir dist $$p; done
	@ls -1 dist

check-wheel: wheel ## install the wheels into a clean environment outside the project and use them there
	@scripts/check-wheel "$(PYTHON)" dist

clean: ## remove everything that was built or installed
	rm -rf $(VENV) .venv-bench dist docs/_build runlog/web/static* runlog/web/ui/node_modules .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis runlog-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
