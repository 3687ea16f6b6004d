# Each target sets up what it needs in .venv, from nothing.
VENV := .venv
PY := $(VENV)/bin/python
LISA := $(VENV)/bin/lisa
PYTHON ?= python3
OUT ?= out
DATA ?= ../shared/data

.PHONY: demo test lint parity parity-7b hostile kill thorough ranks step-cost results train-tiny examples clean

# torch first and by number, so that a CPU build is taken where the package index offers one
$(VENV)/base: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check torch==2.13.0
	$(PY) -m pip install -q --disable-pip-version-check -e ".[world]"
	touch $@

$(VENV)/dev: $(VENV)/base
	$(PY) -m pip install -q --disable-pip-version-check -e ".[dev]"
	touch $@

demo: $(VENV)/base  ## answer the breakfast picture
	$(LISA) segment examples/breakfast.png "Which food has the most vitamin C?" --out $(OUT)

test: $(VENV)/dev lint  ## what CI runs
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

lint: $(VENV)/dev
	$(VENV)/bin/ruff check src tests examples
	$(VENV)/bin/ruff format --check src tests examples
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports

parity: $(VENV)/dev  ## every golden of the reference implementation, with the differences found
	test -d $${LISA_SHARED:-../shared}/reference || { echo "no golden data: set LISA_SHARED to the folder that holds reference/"; exit 2; }
	$(PY) -m pytest tests/reference -v -s

parity-7b: $(VENV)/dev  ## 7B of random weights in the published layout: 15 GB of disk, 16 GB of memory
	$(PY) -m pytest tests/reference/test_7b.py -m slow -s

hostile: $(VENV)/dev  ## 300 hostile files and instructions
	$(PY) tests/hostile.py --seed 0

kill: $(VENV)/dev  ## 200 kills of trainings at random moments
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(PY) tests/kill.py --kills 200 --seed 0

thorough: $(VENV)/dev  ## 20,000 cases for each metric, 1,000 evaluations for each interval, every broken model
	LISA_EXAMPLES=20000 LISA_TRIALS=1000 OMP_NUM_THREADS=1 $(PY) -m pytest tests/metrics tests/evaluation \
		tests/world/test_world_reason.py -n 2

ranks: $(VENV)/dev  ## one, two and four processes, DDP and FSDP2, on one curve
	$(PY) -m pytest tests/test_ranks.py -m "slow or not slow" -v

step-cost: $(VENV)/dev  ## CPU-seconds of a training step beside the reference's schedule: 6 GB of memory
	OMP_NUM_THREADS=1 $(PY) benchmarks/step_cost.py

results: $(VENV)/base  ## docs/results.md: every model and dataset at hand; hours, goes on where it was killed
	$(PY) benchmarks/results.py --data $(DATA) --out docs/results.md

train-tiny: $(VENV)/base  ## the embedded model from nothing, resumed where it stands
	$(LISA) train tiny --out runs/tiny

examples: $(VENV)/base  ## draw the example pictures again
	$(PY) examples/draw.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
