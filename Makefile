# Run from a clean clone: every target sets up what it needs, once.
#   make repro   the whole experiment, from data to report
#   make test    all tests
#   make demo    build the browser demo if need be, and serve it on this machine
#   make fanout  the whole experiment, as many stages at a time as there are cores
#   make bench   what training costs, against the published recipe and the machine's own rate
#   make race    quality against training time, ten seeds against one run of 100 published epochs
#   make faults  kill the pipeline at random moments and check that nothing is lost
#   make lint    formatting, lint and types
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
INSTALLED := $(VENV)/installed

.PHONY: repro test test-slow demo fanout bench race faults chromium lint setup readme clean

repro: $(INSTALLED)
	python -m fanout.mend
	dvc repro

test: $(INSTALLED) chromium
	python -m pytest tests/pipeline tests --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test-slow: $(INSTALLED)
	python -m pytest -m slow

demo: $(INSTALLED)
	python -m fanout.mend
	dvc repro demo
	grvae serve reports/demo

JOBS ?= $(shell nproc)

fanout: $(INSTALLED)
	grvae repro -j $(JOBS)

bench: $(INSTALLED)
	dvc repro download
	python -m benchmarks.speed --params params.yaml --images data/train.safetensors \
		--summary reports/benchmark/summary.md --out reports/benchmark/speed.json
	python -m benchmarks.cost growth --params params.yaml --images-file data/train.safetensors \
		--table reports/benchmark/growth.csv --figure reports/benchmark/growth.png

# The default recipe and the fast one with ten seeds that served no choice, and the published recipe
# once, whose 100 epochs take half an hour on two cores: where they end, and when. Run it after `bench`.
SEEDS := [10,11,12,13,14,15,16,17,18,19]
race: $(INSTALLED)
	dvc exp run --temp --force --name ten-seeds -S 'variants=[routed,fast]' -S 'seeds=$(SEEDS)'
	for table in runs curves; do git show \
		"$$(git for-each-ref --format='%(objectname)' 'refs/exps/**/ten-seeds'):reports/$$table.csv" \
		> reports/benchmark/ten_seeds_$$table.csv; done
	dvc repro download
	python -m stages.train --params params.yaml --images data/train.safetensors --variant published --seed 0 \
		--weights logs/published-0.safetensors --history reports/benchmark/published_history.csv \
		--checkpoint checkpoints/published-0.safetensors
	python -m stages.evaluate --params params.yaml --variant published --weights logs/published-0.safetensors \
		--train data/train.safetensors --test data/test.safetensors \
		--measures reports/benchmark/published_measures.json --samples logs/published-samples.safetensors
	python -m benchmarks.race --speed reports/benchmark/speed.json \
		--curves reports/benchmark/ten_seeds_curves.csv --runs reports/benchmark/ten_seeds_runs.csv \
		--published-history reports/benchmark/published_history.csv \
		--published-measures reports/benchmark/published_measures.json --quoted reports/published.json \
		--figure reports/benchmark/race.png --table reports/benchmark/race.csv \
		--markdown reports/benchmark/race.md

faults: $(INSTALLED)
	python -m benchmarks.faults --out reports/faults.json

# The browser tests drive Debian's Chromium.
chromium:
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -q --yes --no-install-recommends chromium)

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
