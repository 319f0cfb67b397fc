# Every target makes its own .venv first. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
DATA_DIR ?=

.DEFAULT_GOAL := help
.PHONY: help demo study test test-all test-no-jit lower-bounds test-gpu docs lint format bench bench-quick attack house results clean

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/package: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[all]"
	touch $@

.venv/tools: .venv/package
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group test --group lint
	touch $@

demo: .venv/package  ## turn autoencoders of handwritten digits into generators; open demo/report.html
	OMP_NUM_THREADS=1 $(BIN)/vicinal demo --out demo --force

study: .venv/package  ## compare all samplers on handwritten digits, in minutes; open build/study/digits/report.html
	OMP_NUM_THREADS=1 $(BIN)/vicinal benchmark benchmarks/configs/digits.toml --out build/study/digits

test: .venv/tools  ## run the tests and every example in the docstrings, on all cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-all: .venv/tools  ## the same with the slow tests; each says why it is slow
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "slow or not slow"

test-no-jit: .venv/tools  ## the kernels, and samplers of each kind on them, without Numba's compiler: plain tracebacks
	NUMBA_DISABLE_JIT=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto tests/kernels tests/contracts \
		tests/samplers/test_p*.py --ignore=tests/kernels/test_gpu.py

lower-bounds:  ## the core tests with the lowest versions declared, and without extras, in an environment of their own
	$(PYTHON) -m venv build/lower-bounds
	build/lower-bounds/bin/python -m pip install --quiet --constraint lower-bounds.txt --editable . hypothesis pytest pytest-xdist
	OMP_NUM_THREADS=1 VICINAL_CACHE_DIR=build/lower-bounds/kernels build/lower-bounds/bin/python -m pytest -n auto \
		tests/kernels tests/samplers tests/contracts tests/test_*.py

test-gpu: .venv/tools  ## the tests of what runs on a GPU, where there is one with its torch
	$(BIN)/python -c "import sys, torch; torch.cuda.is_available() or sys.exit('there is no CUDA device, or torch is a CPU build')"
	$(BIN)/python -m pytest tests/kernels/test_gpu.py tests/samplers/test_pmf_accelerator.py tests/contracts tests/autoencoders/test_training.py

.venv/docs: .venv/tools
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	touch $@

docs: .venv/docs  ## build the site, with its tutorials; warnings are errors; open build/docs/index.html
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html -d build/doctrees docs build/docs

lint: .venv/tools  ## style, types, and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/tools  ## put the code in its one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.venv/bench: .venv/package
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	touch $@

bench: .venv/bench  ## measure speed in about a quarter of an hour and write docs/performance.md (FULL=1: hours; DATA_DIR as in results)
	$(BIN)/python benchmarks/bench.py $(if $(FULL),--full) $(if $(DATA_DIR),--data-dir $(DATA_DIR)/mnist --models build/study/mnist/models)

bench-quick: .venv/bench  ## say in under 90 seconds what became slower or faster by more than 15 % since make bench
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/quick.py

attack: .venv/tools  ## try in full to break every promise, in under an hour, and write docs/reliability.md
	$(BIN)/python benchmarks/attack.py
	$(BIN)/python benchmarks/pages/reliability.py

house: .venv/package  ## count lines, files, what a fit walks through, and what a newcomer reads
	$(BIN)/python benchmarks/house.py

results: study  ## measure anew what README and docs show, in hours (DATA_DIR=folder with mnist/, CelebA and a zip of eyes)
	$(if $(DATA_DIR),for name in mnist celeba ocular frontier-mnist frontier-celeba frontier-ocular choosing-bins; do $(BIN)/vicinal benchmark benchmarks/configs/$$name.toml --data-dir $(DATA_DIR) --out build/study/$$name || exit 1; done)
	$(BIN)/python benchmarks/pages/results.py --runs build/study
	$(if $(DATA_DIR),$(BIN)/python benchmarks/objectives.py --data-dir $(DATA_DIR)/mnist --epochs 3 --force)
	$(BIN)/python benchmarks/pages/autoencoders.py
	$(BIN)/python benchmarks/pages/choosing_bins.py --runs build/study
	$(BIN)/python benchmarks/pages/frontier.py --runs build/study

clean:  ## remove what make made
	rm -rf .venv build demo dist docs/learn docs/reference docs/sg_execution_times.rst .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
