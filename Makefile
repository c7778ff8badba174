# Everything a developer does here. Each target sets up what it needs first; see docs/development.md.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# the python3 that .venv is made with
PYTHON ?= python3
INVENTORY ?= inventory.yml

PY := .venv/bin/python
PYTEST := $(PY) -m pytest
LOCK := $(PY) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# PORT=, DATA_DIR= and MAPPING= reach the demo as arguments, whatever characters they have; DATABASE_URL=, which may hold
# a password, by the environment: every user of the machine can read arguments.
DEMO_OPTIONS := $${PORT:+--port "$$PORT"} $${DATA_DIR:+--data-dir "$$DATA_DIR"} $${MAPPING:+--mapping "$$MAPPING"}

LAB_OPTIONS := $(if $(SUITE),--suite $(SUITE))

.PHONY: help run dev demo-reset provision setup-run setup-control setup-test setup-compose setup-lab lab lab-shell test test-unit test-integration compose-test stories lint format bench bench-monitor profile faults docs weights lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

# exec: a signal to make reaches the demo itself, not a shell in between.
run: setup-run ## start the whole appliance on this machine: PORT=8443 DATA_DIR=var/demo DATABASE_URL= MAPPING=
	@exec $(PY) -m demo run $(DEMO_OPTIONS)

dev: setup-run ## the same, restarting agent and gateway when their code changes
	@exec $(PY) -m demo run --reload $(DEMO_OPTIONS)

demo-reset: setup-run ## forget the demo's data, keys and certificates: DATA_DIR=var/demo
	@exec $(PY) -m demo reset $${DATA_DIR:+--data-dir "$$DATA_DIR"}

setup-run: # what the demo needs
	@$(PYTHON) demo/bootstrap.py run

setup-control: # what the playbook needs, on the machine it is run from
	@$(PYTHON) demo/bootstrap.py control

setup-test: # what the tests and linters need
	@$(PYTHON) demo/bootstrap.py test

provision: setup-control ## bring both Pis to this version, as inventory.yml says: INVENTORY=inventory.yml ARGS=
	@[ -e "$(INVENTORY)" ] || { echo "drawbridge: there is no $(INVENTORY): cp ansible/inventory.example.yml $(INVENTORY), and fill it in" >&2; exit 2; }
	@cd ansible && ANSIBLE_HOST_PATTERN_MISMATCH=error exec ../.venv/bin/ansible-playbook -i $(abspath $(INVENTORY)) site.yml $(ARGS)

test: setup-test ## run the whole test suite, with its coverage floors: ARGS=
	@exec $(PYTEST) -n 3 --dist loadgroup --cov --cov-report= --coverage-floors $(ARGS)

test-unit: setup-test ## run the unit tests: ARGS=
	@exec $(PYTEST) tests/unit $(ARGS)

test-integration: setup-test ## run the tests on a real PostgreSQL and a real bridge: ARGS=
	@exec $(PYTEST) tests/integration $(ARGS)

setup-compose: setup-test # a Docker engine for the tests, and what they make a base image with
	@$(PYTHON) demo/bootstrap.py compose

setup-lab: setup-test # the Debian roots that the lab's hosts boot from
	@exec $(PY) -m tests.lab $(LAB_OPTIONS) prepare

lab: setup-test ## boot two hosts, provision them with the playbook, test them, take them down: needs root; SUITE=trixie ARGS=
	@exec $(PY) -m tests.lab $(LAB_OPTIONS) all $(ARGS)

lab-shell: setup-test ## the same two hosts, provisioned and left up to play with: SUITE=trixie
	@exec $(PY) -m tests.lab $(LAB_OPTIONS) shell

compose-test: setup-compose ## build and run compose.yaml on a Docker engine of its own, as root: DEBIAN=trixie ARGS=
	@exec $(PYTEST) -n 0 tests/compose $(ARGS)

stories: setup-test ## run the tests, and print which requirements passing tests cover
	@exec $(PYTEST) -n 3 --dist loadgroup --stories $(ARGS)

lint: setup-test ## check style, format, types, layers, tracked text and the lock's completeness
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo
	$(PY) .ci/tracked_text.py
	$(PY) -m pip check

format: setup-test ## format the code, and mend what ruff can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup-test ## measure requests/s and latencies against bare floors, into docs/performance.md
	@exec $(PY) -m demo bench $(ARGS)

bench-monitor: setup-test ## measure for an hour what watching the line costs, and how soon each cut is told: ARGS=
	@exec $(PY) -m tests.integration.gateway.connectivity.measure $(ARGS)

profile: setup-test ## run the demo's processes under a profiler, and print where the time goes
	@exec $(PY) -m demo profile $(ARGS)

faults: setup-test ## play every fault with and without what stands against it, into docs/faults.md: ARGS=
	@exec $(PY) -m tests.adversity $(ARGS)

docs: setup-test ## write the generated pages of docs/ anew
	@exec $(PY) -m docs.generate

# One thread: a sum of floats depends on how many share it.
weights: setup-test ## make the weights of the chat's words anew, of what tests/understanding holds: two minutes
	@$(PY) -m uv pip install --quiet --require-hashes -r requirements-weights.lock
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 exec $(PY) -m tests.understanding.train

lock: setup-test ## write the lock files anew, with the newest versions that pyproject.toml allows
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade -c requirements.lock pyproject.toml --group dev -o requirements-dev.lock
	$(LOCK) --upgrade -c requirements-dev.lock pyproject.toml --group control -o requirements-control.lock
	$(LOCK) --upgrade -c requirements.lock --group embedded -o requirements-embedded.lock
	$(LOCK) --upgrade -c requirements-dev.lock --group weights -o requirements-weights.lock

clean: ## remove .venv and every cache; the demo's data stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
