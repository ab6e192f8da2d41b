# Every target sets up what it needs. `make` alone lists them.
PYTHON := .venv/bin/python
VENV := .venv/.installed
VENV_INFRA := .venv-infra/.installed
NODE := node_modules/.installed
PORT ?= 7071
SEED ?= 1
DOCUMENTS ?= 2000
SAMPLE ?= 0
RUNS ?= 1000
EVENTS ?= 100000
BODIES ?= 50000
PYTEST_WORKERS ?= 3
# Compiled code is kept, whatever the shell says: tests and drills start many processes.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-crash crashes faults outage bench corpus model soak fuzz up host test test-all check check-infra test-infra format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV) $(NODE) ## Install everything (virtual environment and storage emulator)

demo: setup ## Run the demonstration from start to end
	@$(PYTHON) -m sandbox.demo

demo-crash: setup ## The same, with the functions killed ten times at random moments (SEED=1)
	@$(PYTHON) -m sandbox.demo --kills 10 --seed $(SEED)

crashes: setup ## Kill the process at every await and around every write (SAMPLE=0 of each turn, SEED=1)
	@$(PYTHON) -m sandbox.crashes --sample $(SAMPLE) --seed $(SEED)

faults: setup ## Every fault at every endpoint that is called (ARGS="--sample 200")
	@$(PYTHON) -m sandbox.faults $(ARGS)

outage: setup ## Business Central away for an hour (ARGS="--minutes 20")
	@$(PYTHON) -m sandbox.outage $(ARGS)

bench: setup ## Measure everything, beside Node-RED and a bare floor (BENCH="--events 1000")
	@$(PYTHON) -m sandbox.bench $(BENCH)

corpus: setup ## Made-up documents through the engine (DOCUMENTS=2000, SEED=1)
	@$(PYTHON) -m sandbox.corpus --documents $(DOCUMENTS) --seed $(SEED)

model: setup ## Random people and trouble on both sides, checked after every step (RUNS=1000, SEED=1)
	@$(PYTHON) -m sandbox.model --runs $(RUNS) --steps 50 --seed $(SEED)

soak: setup ## A long run of the local host with 5 % faults (EVENTS=100000, SEED=1)
	@$(PYTHON) -m sandbox.soak --events $(EVENTS) --seed $(SEED)

fuzz: setup ## Hostile deliveries against the hooks (BODIES=50000, SEED=1)
	@$(PYTHON) -m sandbox.fuzz --bodies $(BODIES) --seed $(SEED)

up: setup ## Start everything and leave it running, to click around
	@$(PYTHON) -m sandbox.up

host: setup ## Start the functions alone on PORT (7071), with what the settings name
	@PORT=$(PORT) $(PYTHON) -m sandbox.serve

test: check $(NODE) ## Check, then run all tests
	@$(PYTHON) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup

test-all: check $(NODE) ## The same with every combination, for a night
	@$(PYTHON) -m pytest -n $(PYTEST_WORKERS) --dist loadgroup -m "thorough or not thorough"

check: $(VENV) ## Formatting, lint and types
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy --no-error-summary

check-infra: $(VENV) $(VENV_INFRA) ## Bicep, settings, alerts and workflows; checkov and the doctor
	@$(PYTHON) -m infra_checks --tools .venv-infra

test-infra: $(VENV) $(VENV_INFRA) ## Plant mistakes that checkov and the doctor must find
	@$(PYTHON) -m pytest -n 0 -m thorough tests/infra/test_tools.py

format: $(VENV) ## Put the code into form
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

clean: ## Remove everything that was installed or generated
	@rm -rf .venv .venv-infra node_modules .run .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV): requirements.txt requirements-dev.txt
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { python=$$(scripts/find-python.sh) && "$$python" -m venv .venv; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV_INFRA): requirements-infra.txt
	@.venv-infra/bin/python -m pip --version >/dev/null 2>&1 || { python=$$(scripts/find-python.sh) && "$$python" -m venv .venv-infra; }
	@.venv-infra/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-infra.txt
	@touch $@

$(NODE): package.json package-lock.json
	@scripts/check-node.sh
	@npm ci --loglevel=error --no-audit --no-fund >/dev/null
	@touch $@
