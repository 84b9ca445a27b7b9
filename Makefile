# make run · fetch · test · lab · render · check · reproduce · bench · clean
# WEEK=1W, PROFILE=sample and SET=rows=500 narrow `run`, WEEK=1W `fetch`; WEEK and PROFILE=full `render`; RETRAIN=1 extends `reproduce`.
PYTHON ?= python3
PROFILE ?= $(COURSEWORK_PROFILE)
SET ?= $(COURSEWORK_SET)
WEEK ?=
RUN := .venv/bin/python
READY := .venv/.ready
OPTIONS = $(WEEK) $(if $(PROFILE),--profile $(PROFILE)) --set "$(SET)"

.PHONY: run fetch test test-all lab render check reproduce bench clean

run: $(READY)
	@$(RUN) -m coursework run $(OPTIONS)

fetch: $(READY)
	@$(RUN) -m coursework fetch $(WEEK)

test: $(READY)
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m pytest

test-all: $(READY)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e ".[browser]"
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m pytest -m ""

lab: $(READY)
	@$(RUN) -m jupyter lab

render: $(READY)
	@$(RUN) -m coursework render $(OPTIONS)

check: $(READY)
	@$(RUN) -m coursework check $(WEEK)

reproduce: $(READY)
	@$(RUN) -m coursework reproduce $(WEEK) $(if $(RETRAIN),--retrain)

bench: $(READY)
	@OMP_NUM_THREADS=1 $(RUN) -m benchmarks

clean:
	rm -rf build

# The environment: made once, again when what it is made from changes, and anew when the checkout has moved,
# because a virtual environment knows its own place.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
$(READY): requirements.txt constraints.txt pyproject.toml
	@echo "setting up .venv (a few minutes, once) …"
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11 to 3.13 is needed; name one: make PYTHON=…")'
	@if [ -e $(READY) ] && [ "$$(cat $(READY))" != "$(CURDIR)" ]; then rm -rf .venv; fi
	@$(PYTHON) -m venv .venv
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@printf '%s' "$(CURDIR)" > $@
