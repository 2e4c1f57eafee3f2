# The one door of this project: `make` lists what it does. Two commands are all that a newcomer needs: run and test.

# Debian's Python, so that a shim of some version manager does not decide. Another one: make run PYTHON=/path/to/python3
PYTHON ?= /usr/bin/python3
export PYTHON

# Compiled modules are kept, whatever the machine says: a command, and each of a platform's processes, starts twice as fast.
unexport PYTHONDONTWRITEBYTECODE

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
# Removed front-end files and collections are fetched again, whatever the stamp says.
FETCHED := $(and $(wildcard api/web/static/vendor/uPlot.iife.min.js),$(wildcard playbooks/collections))

.PHONY: help run test test-packages check screenshots format translations lock bench drill wheel clean always

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*  ## /\1\t/' | expand -t 16

run: .venv/.installed-run  ## install what it needs (first time only) and start the example programme
	@$(BIN)/vungcao demo

test: test-packages .venv/.installed-test check  ## install what the tests need, check, and run every test but the drills
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-packages:  ## install the servers and the browser that the tests use (apt; sudo where not root)
	@.ci/test-packages

check: .venv/.installed-test  ## format, lint, types, import rule, dependencies, dead code, translations
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy --no-error-summary
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry .
	$(BIN)/python -m tests.arch.dead_code
	$(BIN)/python -m tests.arch.translations check

format: .venv/.installed-test  ## format the code and mend what the linter can mend by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

translations: .venv/.installed-test  ## bring the Vietnamese catalogue up to date with the code's sentences
	@$(BIN)/python -m tests.arch.translations update

lock:  ## compile the requirements again (make lock UPGRADE=--upgrade takes the newest releases)
	@.ci/lock $(UPGRADE)

screenshots: test-packages .venv/.installed-test  ## take the pictures of the documents from the running example
	@$(BIN)/python -m tests.ui.screenshots

bench: test-packages .venv/.installed-test  ## measure what we claim, against a peer in the same run
	@$(BIN)/python -m bench.history_append
	@$(BIN)/python -m bench.inventory --save
	@$(BIN)/python -m bench.find_time --cases --save
	@$(BIN)/python -m bench.audit --save
	@$(BIN)/python -m bench.exchange --save
	@$(BIN)/python -m bench.poll --snmp v2c --save
	@$(BIN)/python -m bench.poll --snmp v3 --save
	@$(BIN)/python -m bench.weak_link --save
	@$(BIN)/python -m bench.sustain --save
	@$(BIN)/python -m bench.playbooks --forks 5 20 50 --save
	@$(BIN)/python -m bench.run_page --save

drill: test-packages .venv/.installed-test  ## a lab of offices brought up, changed and undone; kills at random moments
	@$(BIN)/pytest -m drill
	@$(BIN)/python -m bench.playbooks_drill --save

wheel: .venv/.installed-test  ## build the wheel, front-end files inside, into dist/
	@$(BIN)/python -m hatchling build -t wheel

clean:  ## remove what was installed, fetched, built or cached; the data in var/ stays
	@rm -rf .venv .tools dist api/web/static/vendor playbooks/collections .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

.venv/.installed-run: requirements.lock requirements-collections.lock api/web/package-lock.json $(if $(FETCHED),,always)
	@.ci/install run
	@touch $@

.venv/.installed-test: .venv/.installed-run requirements-dev.lock
	@.ci/install test
	@touch $@
