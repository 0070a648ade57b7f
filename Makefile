# Run from a clean clone: every target sets up what it needs, once.
#   make repro   the whole experiment, from data to report
#   make test    all tests
#   make demo    build the page with all runs if need be, and say where it is
#   make bench   what training costs, against the published recipe
#   make race    quality against training time, beside runs of the published recipe
#   make front   accuracy against error of every recipe that was tried, on validation images
#   make many-seeds  in how many runs a class collapses, over 100 seeds
#   make labels  the default recipes and their rivals with few labels, and with wrong ones
#   make study   what the study asks of a GPU: the published recipe, and many seeds
#   make datasets  the default recipe on sets of other sizes and kinds, against our targets
#   make lint    formatting, lint and types
PYTHON ?= python3
# How many runs train at a time, each on one core; if not given, as many as this machine lets us use.
JOBS ?=
# Where `make front`, `make many-seeds`, `make labels` and `make study` train: cpu, or cuda for a GPU.
DEVICE ?= cpu
# On a terminal pip shows its progress; elsewhere it says what it has fetched.
PIP_OUTPUT := $(shell test -t 1 || echo "--progress-bar=off")
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
INSTALLED := $(VENV)/installed

.PHONY: repro scm test test-slow demo bench race front many-seeds labels study datasets chromium lint setup readme clean

repro: $(INSTALLED) scm
	@grvae repro $(if $(JOBS),-j $(JOBS))
	@dvc metrics diff --all 2>/dev/null || dvc metrics show
	@echo "Report: reports/report.md, page: reports/demo/index.html"

# In an archive without git, DVC is told so; after a `git init`, delete .dvc/config.local.
scm: $(INSTALLED)
	@git rev-parse --is-inside-work-tree >/dev/null 2>&1 || dvc config --local core.no_scm true

test: $(INSTALLED) chromium
	python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# In two processes, since each has more of its own.
test-slow: $(INSTALLED) chromium
	python -m pytest -m slow --numprocesses=2 --dist=loadfile --no-loadscope-reorder

demo: $(INSTALLED) scm
	@grvae repro demo
	@echo "The page opens by double click: $(CURDIR)/reports/demo/index.html"

bench: $(INSTALLED)
	dvc repro download
	python -m benchmarks.costs speed --params params.yaml --images data/mnist/train.safetensors \
		--markdown reports/benchmark/summary.md --out reports/benchmark/speed.json
	python -m benchmarks.costs growth --params params.yaml --table reports/benchmark/growth.csv \
		--figure reports/benchmark/growth.png
	python -m benchmarks.costs memory --params params.yaml --data data/mnist \
		--table reports/benchmark/memory.csv --markdown reports/benchmark/memory.md

# The pipeline's own runs against those of the published recipe in reports/many_seeds: where they end,
# and when. Run it after `bench`.
race: $(INSTALLED)
	dvc repro
	python -m benchmarks.pages race --speed reports/benchmark/speed.json \
		--curves reports/curves.csv --runs reports/runs.csv \
		--trials reports/many_seeds/runs.csv --histories reports/many_seeds/histories \
		--quoted reports/published.json \
		--figure reports/benchmark/race.png --markdown reports/benchmark/race.md

# Accuracy against error of every recipe that was tried, on validation images: hours. Runs that the
# table has are not repeated.
front: $(INSTALLED)
	dvc repro download
	python -m benchmarks.sweep --params params.yaml --data data/mnist --measure validation $(if $(JOBS),--workers $(JOBS)) \
		--list reports/search/front.yaml --table reports/search/front.csv --device $(DEVICE)
	python -m benchmarks.pages front --table reports/search/front.csv \
		--figure reports/search/front.png --markdown reports/search/front.md

# In how many runs a class collapses: hours, or minutes with DEVICE=cuda.
many-seeds: $(INSTALLED)
	dvc repro download
	python -m benchmarks.sweep --params params.yaml --data data/mnist --measure test $(if $(JOBS),--workers $(JOBS)) \
		--list reports/many_seeds/trials.yaml --table reports/many_seeds/runs.csv \
		--histories reports/many_seeds/histories --device $(DEVICE)
	python -m benchmarks.pages seeds --table reports/many_seeds/runs.csv \
		--markdown reports/many_seeds/summary.md

# An hour on two cores. Runs that the table has are not repeated.
labels: $(INSTALLED)
	dvc repro download
	python -m benchmarks.sweep --params params.yaml --data data/mnist --measure validation $(if $(JOBS),--workers $(JOBS)) \
		--list reports/labels/trials.yaml --table reports/labels/runs.csv --device $(DEVICE)
	python -m benchmarks.pages seeds --table reports/labels/runs.csv \
		--markdown reports/labels/summary.md

# Days on a CPU, minutes with DEVICE=cuda. Runs that the table has are not repeated.
study: $(INSTALLED)
	dvc --cd studies repro download@mnist train_classifier@mnist
	python -m benchmarks.sweep --params params.yaml --data studies/data/mnist --measure study $(if $(JOBS),--workers $(JOBS)) \
		--classifier studies/classifiers/mnist.safetensors \
		--list studies/params.yaml --table studies/tables/gpu.csv --device $(DEVICE)
	dvc --cd studies repro report

# An hour on two cores: letters, clothes, small digits, few digits, and images/animals where it is there. Runs that the
# table has are not repeated.
datasets: $(INSTALLED)
	dvc repro download
	python -m benchmarks.datasets --params params.yaml --targets reports/datasets.yaml --data data $(if $(JOBS),--workers $(JOBS)) \
		--table reports/datasets.csv --markdown reports/datasets.md

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
	@# uv takes a third of the time that pip does; its own version and hashes are in the lock, too.
	@sed -n '/^uv==/,/# via/p' requirements.lock > $(VENV)/uv.lock
	(pip install --quiet --require-hashes --requirement $(VENV)/uv.lock && \
		uv pip install --python $(VENV)/bin/python --require-hashes --requirement requirements.lock) || \
		pip install --require-hashes --requirement requirements.lock $(PIP_OUTPUT)
	pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

readme: $(INSTALLED) ## copy the results into the README
	python -m tools.update_readme

clean:
	rm -rf $(VENV)
