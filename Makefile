# Run from a clean clone: every target sets up what it needs, once.
#   make repro   the whole experiment, from data to report
#   make test    all tests
#   make lint    formatting, lint and types
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
INSTALLED := $(VENV)/installed

.PHONY: repro test lint setup readme clean

repro: $(INSTALLED)
	dvc repro

test: $(INSTALLED)
	python -m pytest

lint: $(INSTALLED)
	ruff format --check .
	ruff check .
	mypy

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --require-hashes --requirement requirements.lock
	pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

readme: $(INSTALLED) ## copy the results into the README
	python -m tools.update_readme

clean:
	rm -rf $(VENV)
