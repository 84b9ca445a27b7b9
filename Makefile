# make run · test · lab · render · reproduce · bench · clean; WEEK=1W PROFILE=sample SET=rows=500 narrow `run`.
PYTHON ?= python3
PROFILE ?= tiny
WEEK ?=
SET ?=
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test test-all lab render check reproduce bench clean

run: $(READY)
	@$(BIN)/python -m coursework run $(WEEK) --profile $(PROFILE) --set "$(SET)"

test: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m pytest

test-all: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m pytest -m ""

lab: $(READY)
	@$(BIN)/jupyter lab

render: $(READY)
	@$(BIN)/python -m coursework render $(WEEK) --set "$(SET)"

check: $(READY)
	@$(BIN)/python -m coursework check $(WEEK)

reproduce: $(READY)
	@$(BIN)/python -m coursework reproduce $(WEEK)

bench: $(READY)
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

clean:
	rm -rf build

# The environment: made once, and again when what it is made from changes.
$(READY): requirements.txt constraints.txt pyproject.toml
	@echo "setting up .venv (a few minutes, once) …"
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(not ok and "Python 3.11 to 3.13 is needed; name one with make PYTHON=…")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
