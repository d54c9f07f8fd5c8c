# make demo, make test; `make` alone lists what there is.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python that the stack runs on; `make PYTHON=/path/to/python3.12 demo` takes another.
PYTHON := $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
PIP_LOG := .venv/pip.log
# Some machines forbid it: every process would then compile again what it imports, for seconds each.
unexport PYTHONDONTWRITEBYTECODE
LOCK := requirements-dev.lock

SBOM := .venv/sbom
DASHBOARDS := .venv/dashboards

.PHONY: help env demo system sbom quick test tests lint dashboards faults mutations bench bench-full bench-check

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

env: ## the environment in .venv; again only when the lock changed (nights need LOCK=requirements.lock only)
	@if ! cat $(LOCK) pyproject.toml | cmp -s - $(INSTALLED); then \
		if [ -z "$(PYTHON)" ]; then echo "Kho needs Python 3.11, 3.12 or 3.13 (make PYTHON=/path/to/python3)"; exit 1; fi; \
		echo "Installing the environment with $$($(PYTHON) --version): some minutes, some 800 MB"; \
		test -x $(BIN)/python || $(PYTHON) -m venv .venv; \
		: > $(PIP_LOG); \
		awk '/^[^ #]/ { n++ } { print > ".venv/lock." n % 2 }' $(LOCK); \
		$(call pip,--require-hashes -r .venv/lock.0,--require-hashes -r .venv/lock.1); \
		$(call pip,--no-build-isolation -e .); \
		cat $(LOCK) pyproject.toml > $(INSTALLED); \
	fi

# pip(what to install, what else at the same time): its lines go into a log, which is shown when it fails; a terminal sees
# how far it is. What is imported is compiled then: to compile everything takes as long as to unpack it.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile --no-deps
pip = { { $(PIP) $(1) & one=$$!; $(if $(2),$(PIP) $(2),true) & other=$$!; failed=0; wait $$one || failed=1; wait $$other || failed=1; \
		exit $$failed; } 2>&1 | tee -a $(PIP_LOG) | \
	awk -v shows=$$([ -t 2 ] && echo 1) -v all=$$(grep -c == $(LOCK)) \
		'shows && /^Collecting/ { printf "\r  %d of %d packages", ++n, all } \
		 n && /^Installing collected/ && !told++ { print ": installing" }'; \
	} || { cat $(PIP_LOG); echo "The environment could not be installed: see above"; exit 1; }

demo: env ## a sample district through two real nights, its figures, and what to type next
	@$(BIN)/kho demo

system: ## MariaDB's server, LibreOffice, Chromium and drivers of ODBC and JDBC for their tests, where this machine can install them
	@$(call have,MariaDB's server,/usr/sbin/mariadbd mariadbd,mariadb-server-core)
	@$(call have,LibreOffice,soffice,libreoffice-writer-nogui libreoffice-calc-nogui)
	@$(call have,Chromium,chromedriver,chromium-driver)
	@$(call have,Drivers for PostgreSQL,isql,unixodbc odbc-postgresql python3-uno libreoffice-sdbc-postgresql libpostgresql-jdbc-java)

# have(what it is, its programs, its packages)
have = if command -v $(2) > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		{ timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get install -qq -y --no-install-recommends $(3); } \
			> /dev/null || echo "$(1) could not be installed: its tests will be skipped"; \
	else echo "$(1) is not here, and only root can install it ($(3)): its tests will be skipped"; fi

sbom: env ## what is installed here, as CycloneDX in sbom.cdx.json, and under which licences it is
	@test -x $(SBOM)/bin/cyclonedx-py || { $(PYTHON) -m venv $(SBOM) && $(SBOM)/bin/python -m pip install -q --require-hashes -r tests/sbom.lock; }
	@$(SBOM)/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml -o sbom.cdx.json $(BIN)/python
	@$(BIN)/python -m tests.licences sbom.cdx.json

# What takes no night and imports neither Airflow nor Great Expectations.
QUICK := tests/unit $(patsubst %,tests/integration/test_%.py,build load_csv load_formats load_values fetch_http)

quick: env ## what can be told of a change in less than a minute: no night, no Airflow
	@$(BIN)/python -m pytest -n 2 -m "not slow" $(QUICK)

test: env ## every test, and lint beside it
	@$(MAKE) --no-print-directory -j2 lint tests

# Three processes on two cores, since those that run Airflow and servers mostly wait.
tests: env
	@$(BIN)/python -m pytest -n 3

lint: env ## ruff, the order of the layers, types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(call quiet,$(BIN)/lint-imports --no-cache --no-logo)
	@$(BIN)/mypy

# quiet(a command): what it says is shown only when it fails
quiet = said=$$($(1) 2>&1) || { echo "$$said"; exit 1; }

dashboards: env ## every dashboard in a real Superset and in Chromium: some 6 minutes, 670 MB; pictures are in .venv/dashboards/bi/pictures
	@KHO_HOME=$(DASHBOARDS) $(BIN)/python -c 'from kho.server import superset as s; from kho.settings import settings; \
		s.is_installed(settings()) or s.install(settings(), print)'
	@KHO_TESTS_SUPERSET=$(DASHBOARDS)/bi/venv $(BIN)/python -m pytest -n0 tests/integration/test_superset.py tests/e2e/test_dashboards.py

faults: env ## ten kinds of faults at each step of nights under Airflow, and what is left of them (docs/reliability.md): an hour
	@$(BIN)/python -m pytest tests/nights/test_faults.py --faults 20
	@$(BIN)/python -m tests.faults --record

mutations: env ## 2,000 broken exports through the load; prints what became of them (docs/drift.md)
	@$(BIN)/python -m tests.mutations.run

bench: env ## speed and memory of loading, beside a plain COPY, dlt and pgloader; of the readers, beside libraries alone; where nights' seconds go
	@$(BIN)/python -m tests.bench.load
	@$(BIN)/python -m tests.bench.rivals
	@$(BIN)/python -m tests.bench.readers
	@$(BIN)/python -m tests.bench.night
	@$(BIN)/python -m tests.bench.province 20000 --years 1

bench-full: env ## whether a night stays as it is while five years of a province grow to ten million dossiers: hours, much disk
	@$(BIN)/python -m tests.bench.flat

bench-check: env ## the short benchmarks against docs/benchmarks.json; fails where a ratio got worse by more than the noise
	@$(BIN)/python -m tests.bench.check
