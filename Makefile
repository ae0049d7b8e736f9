# Every target works from a fresh clone: it makes .venv on first use and re-installs nothing afterwards.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
# requirements/NAME.txt makes .venv-peers/NAME, an environment of other people's packages.
PEERS := $(filter-out lock docs,$(basename $(notdir $(wildcard requirements/*.txt))))
PEER_STAMPS := $(PEERS:%=.venv-peers/%/installed)
HYPERSPY := .venv-peers/hyperspy/installed
DOCS := .venv-docs/installed
SUITE ?= quick
OUT ?= out/$(SUITE)

# A machine may forbid bytecode files; without them every process compiles JAX, SciPy and pandas anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: benchmark test test-quick coverage test-hyperspy hyperspy peers docs paper lint lock clean
benchmark: $(STAMP)  ## the quick suite: phantom -> methods -> scores -> out/quick/report.html
	$(BIN)/python -m benchmarks run $(SUITE) --out $(OUT)

test: $(STAMP)  ## every test
	$(BIN)/python -m pytest -n auto

test-quick: $(STAMP)  ## the daily loop, under two minutes: all but what is marked slow, one method of each engine path
	$(BIN)/python -m pytest -n auto -m "not slow"

coverage: $(STAMP)  ## every test, with the coverage figure, which takes a fifth longer
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

hyperspy: $(HYPERSPY)  ## a second environment, .venv-peers/hyperspy: everything here and HyperSpy, which is GPL

test-hyperspy: $(HYPERSPY)  ## the tests on real HyperSpy signals
	.venv-peers/hyperspy/bin/python -m pytest tests/hyperspy tests/library/test_docstrings.py

peers:  ## every environment of the benchmark's peers; one that cannot be installed stops no other
	@for name in $(PEERS); do $(MAKE) --no-print-directory .venv-peers/$$name/installed || \
	  echo "peers in the environment $$name will be skipped: it cannot be installed"; done

docs: $(DOCS)  ## the site: docs/_build/html/index.html; every warning is an error
	.venv-docs/bin/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html

paper: $(STAMP)  ## the paper, from the published results: paper/out/paper.pdf
	$(BIN)/python -m paper

lint: $(STAMP)  ## formatting, lint, types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

PIN := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade
# espm asks for PyQt and does not import it; PyQt has no wheel for every machine.
PYQT := pyqt5 pyqt5-qt5 pyqt5-sip
EVERYTHING := --extra io --extra bench --extra paper --extra test --extra dev
lock:  ## pin every dependency again (needs uv)
	$(PIN) pyproject.toml $(EVERYTHING) -o requirements/lock.txt
	$(PIN) pyproject.toml $(EVERYTHING) --extra hyperspy -c requirements/lock.txt -o requirements/hyperspy.txt
	$(PIN) pyproject.toml $(EVERYTHING) --extra docs -c requirements/lock.txt -o requirements/docs.txt
	$(PIN) requirements/geom_nmf.in -c requirements/lock.txt -o requirements/geom_nmf.txt
	$(PIN) requirements/espm.in $(PYQT:%=--no-emit-package %) -o requirements/espm.txt

clean:  ## forget the environment and all results
	rm -rf .venv .venv-peers .venv-docs out paper/out docs/_build docs/auto_* docs/*/generated

PIP = $(@D)/bin/python -m pip install --quiet --disable-pip-version-check
# The files of requirements hold everything, so nothing is resolved here. What goes wrong is kept in install.log, where
# the benchmark finds why a peer is missing.
$(STAMP): requirements/lock.txt
$(DOCS): requirements/docs.txt
$(PEER_STAMPS): .venv-peers/%/installed: requirements/%.txt
$(STAMP) $(DOCS) $(PEER_STAMPS): pyproject.toml
	@rm -f $@
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bayesunmix needs Python 3.11 or newer, $(PYTHON) is older; name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(@D)
	{ $(PIP) --no-compile --no-deps --require-hashes -r $(filter requirements/%,$^) && \
	  $(PIP) --no-deps --no-build-isolation -e .; } 2> $(@D)/install.log || { cat $(@D)/install.log >&2; exit 1; }
	@touch $@
