# Every target works from a fresh clone: it makes .venv on first use and re-installs nothing afterwards.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
HYPERSPY := .venv-hyperspy/installed
SUITE ?= quick
OUT ?= out/$(SUITE)

# A machine may forbid bytecode files; without them every process compiles JAX, SciPy and pandas anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: benchmark test test-hyperspy hyperspy lint lock clean
benchmark: $(STAMP)  ## the quick suite: phantom -> methods -> scores -> out/quick/report.html
	$(BIN)/python -m benchmarks run $(SUITE) --out $(OUT)

test: $(STAMP)  ## every test, with the coverage figure
	$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

hyperspy: $(HYPERSPY)  ## a second environment, .venv-hyperspy: everything here and HyperSpy, which is GPL

test-hyperspy: $(HYPERSPY)  ## the tests on real HyperSpy signals
	.venv-hyperspy/bin/python -m pytest tests/hyperspy

lint: $(STAMP)  ## formatting, lint, types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

PIN := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade pyproject.toml
lock:  ## pin every dependency again (needs uv)
	$(PIN) --extra io --extra bench --extra test --extra dev -o requirements/lock.txt
	$(PIN) --all-extras -c requirements/lock.txt -o requirements/hyperspy.txt

clean:  ## forget the environment and all results
	rm -rf .venv .venv-hyperspy out

$(STAMP): requirements/lock.txt
$(HYPERSPY): requirements/hyperspy.txt
$(STAMP) $(HYPERSPY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "bayesunmix needs Python 3.11 or newer, $(PYTHON) is older; name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "Python's venv module is missing; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $(filter requirements/%,$^)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
