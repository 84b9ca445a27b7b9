# make run · fetch · test · lab · render · check · reproduce · bench · clean
# WEEK=1W, PROFILE=sample and SET=rows=500 narrow `run`, WEEK=1W `fetch`; WEEK and PROFILE=full `render`; RETRAIN=1 extends `reproduce`.
# WEEK=1W installs only what that week needs, unless everything is there already.
PYTHON ?= python3
PROFILE ?= $(COURSEWORK_PROFILE)
SET ?= $(COURSEWORK_SET)
WEEK ?=
RUN := .venv/bin/python
SETUP := $(PYTHON) -m coursework.install
PROFILES := tiny sample full
$(if $(filter-out $(PROFILES),$(PROFILE)),$(error unknown profile $(PROFILE); there are: $(PROFILES)))
OPTIONS = $(WEEK) $(if $(PROFILE),--profile $(PROFILE)) --set "$(SET)"

.PHONY: setup run fetch test test-all lab render check reproduce bench clean

setup:
	@$(SETUP) $(WEEK)

run: setup
	@$(RUN) -m coursework run $(OPTIONS)

fetch: setup
	@$(RUN) -m coursework fetch $(WEEK) || [ $$? -eq 1 ]  # 1: steps were printed that are left to a person

render: setup
	@$(RUN) -m coursework render $(OPTIONS)

check: setup
	@$(RUN) -m coursework check $(WEEK)

reproduce: setup
	@$(RUN) -m coursework reproduce $(WEEK) $(if $(RETRAIN),--retrain)

test:
	@$(SETUP)
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m pytest

test-all:
	@$(SETUP)
	@$(RUN) -m uv pip install --quiet --python $(RUN) -e ".[browser]" -c constraints.txt --no-build-isolation
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m pytest -m ""

lab:
	@$(SETUP)
	@$(RUN) -m jupyter lab

bench:
	@$(SETUP)
	@OMP_NUM_THREADS=1 $(RUN) -m benchmarks

clean:
	rm -rf build
