# Run from a clean clone: every target sets up what it needs, once.
#   make repro   the whole experiment, from data to report
#   make test    all tests
#   make demo    build the browser demo if need be, and serve it on this machine
#   make bench   what training costs, against the published recipe and the machine's own rate
#   make race    quality against training time, beside runs of the published recipe
#   make mutants change the code that decides a number in one place at a time, and count what tests notice
#   make front   accuracy against error of every recipe that was tried, on validation images
#   make many-seeds  how often a run loses a digit, over 100 seeds
#   make longer  the runs that the study of the claims has no time for: the published recipe, and many seeds
#   make faults  kill the pipeline at random moments and check that nothing is lost
#   make drawn   how well the trained runs read digits drawn in many styles
#   make lint    formatting, lint and types
PYTHON ?= python3
# How many runs train at a time, each on one core.
JOBS ?= $(shell nproc)
# Where `make front`, `make many-seeds` and `make longer` train: cpu, or cuda for a GPU.
DEVICE ?= cpu
# On a terminal pip shows its progress; elsewhere it says what it has fetched.
PIP_OUTPUT := $(shell test -t 1 || echo "--progress-bar=off")
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
INSTALLED := $(VENV)/installed

.PHONY: repro scm test test-slow demo bench race lost-digit front many-seeds longer mutants drawn faults chromium lint setup readme clean

repro: $(INSTALLED) scm
	@if test -e .git; then grvae repro -j $(JOBS); else dvc repro; fi
	@grvae results

# In an archive without git, DVC is told so; after a `git init`, delete .dvc/config.local.
scm: $(INSTALLED)
	@test -e .git || dvc config --local core.no_scm true

test: $(INSTALLED) chromium
	python -m pytest tests/pipeline tests --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# In two processes; the files that take longest come first.
test-slow: $(INSTALLED) chromium
	python -m pytest -m slow tests/fanout tests/pipeline tests --numprocesses=2 --dist=loadfile --no-loadscope-reorder

demo: $(INSTALLED) scm
	python -m fanout.mend
	dvc repro demo
	grvae serve reports/demo

bench: $(INSTALLED)
	dvc repro download@gated
	python -m benchmarks.speed --params params.yaml --images data/gated/train.safetensors \
		--summary reports/benchmark/summary.md --out reports/benchmark/speed.json
	python -m benchmarks.cost --params params.yaml --images data/gated/train.safetensors \
		--table reports/benchmark/growth.csv --figure reports/benchmark/growth.png

# The pipeline's own runs against those of the published recipe in reports/many_seeds: where they end,
# and when. Run it after `bench`.
race: $(INSTALLED)
	dvc repro
	python -m benchmarks.race --speed reports/benchmark/speed.json \
		--curves reports/curves.csv --runs reports/runs.csv \
		--trials reports/many_seeds/runs.csv --histories reports/many_seeds/histories \
		--quoted reports/published.json \
		--figure reports/benchmark/race.png --table reports/benchmark/race.csv \
		--markdown reports/benchmark/race.md

# How the hard mask loses a digit: the figure of docs/routing.md.
lost-digit: $(INSTALLED)
	dvc repro download@gated
	python -m benchmarks.lost_digit --params params.yaml --data data/gated \
		--table reports/search/lost_digit.csv --figure docs/lost_digit.png

# How well the trained runs read digits as people draw them on a screen, by digit and variant.
drawn: $(INSTALLED)
	python -m benchmarks.drawn_styles --params params.yaml --runs runs \
		--out reports/drawn_styles.json --table reports/drawn_styles.md

mutants: $(INSTALLED)
	python -m tools.mutants

# Accuracy against error of every recipe that was tried, on validation images: hours. Runs that the
# table has are not repeated.
front: $(INSTALLED)
	dvc repro download@gated
	python -m benchmarks.trials --params params.yaml --data data/gated --split validation --workers $(JOBS) \
		--trials reports/search/front.yaml --table reports/search/front.csv --device $(DEVICE)
	python -m benchmarks.trial_pages front --table reports/search/front.csv \
		--figure reports/search/front.png --markdown reports/search/front.md

# How often a run loses a digit: hours, or minutes with DEVICE=cuda.
many-seeds: $(INSTALLED)
	dvc repro download@gated
	python -m benchmarks.trials --params params.yaml --data data/gated --split test --workers $(JOBS) \
		--trials reports/many_seeds/trials.yaml --table reports/many_seeds/runs.csv \
		--histories reports/many_seeds/histories --device $(DEVICE)
	python -m benchmarks.trial_pages seeds --table reports/many_seeds/runs.csv \
		--markdown reports/many_seeds/summary.md

# Days on a CPU, a quarter of an hour with DEVICE=cuda. Runs that the table has are not repeated.
longer: $(INSTALLED)
	python -m fanout.hidden studies/claims/dvc.yaml dvc repro \
		studies/claims/dvc.yaml:download@mnist studies/claims/dvc.yaml:train_reader@mnist \
		studies/claims/dvc.yaml:longer_resolve
	python -m studies.longer.train --params studies/longer/params.yaml --main-params params.yaml \
		--recipes studies/longer/variants.json --data studies/claims/data/mnist \
		--reader studies/claims/readers/mnist.safetensors --table reports/longer/runs.csv \
		--workers $(JOBS) --device $(DEVICE)
	python -m fanout.hidden studies/claims/dvc.yaml dvc repro \
		studies/claims/dvc.yaml:longer_report studies/claims/dvc.yaml:longer_figures \
		studies/claims/dvc.yaml:longer_doses

faults: $(INSTALLED)
	python -m tests.faults --out reports/faults.json

# The browser tests drive Debian's Chromium.
chromium:
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -q --yes --no-install-recommends chromium)

lint: $(INSTALLED)
	ruff format --check .
	ruff check .
	mypy
	@if command -v npx >/dev/null; then npx --yes --package typescript@5.9.3 tsc --project jsconfig.json; \
	else echo "The page's scripts are not checked: that takes Node.js."; fi

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info; v >= (3, 11, 4) or sys.exit('got Python %d.%d.%d, should be 3.11.4 or later: make PYTHON=...' % v[:3])"
	$(PYTHON) -m venv $(VENV)
	@echo "Installing $$(grep -c == requirements.lock) packages into $(VENV), some 6 GB on disk: minutes, once."
	pip install --require-hashes --requirement requirements.lock $(PIP_OUTPUT)
	pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

readme: $(INSTALLED) ## copy the results into the README
	python -m tools.update_readme

clean:
	rm -rf $(VENV)
