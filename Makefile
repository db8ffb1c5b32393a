# Two commands on a fresh machine with Python 3.11 and make: `make table2` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CONFIG ?= config/phantom.yaml
PROFILE ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# With --cores, jobs on a cluster would be cut down to the cores of the machine that submits them.
SNAKEMAKE := OMP_NUM_THREADS=1 $(BIN)/snakemake $(if $(PROFILE),--workflow-profile $(PROFILE),--cores all)
COVERAGE := --cov --cov-report=term --cov-fail-under=90
SNAKEFILES := Snakefile workflow examples/importing_workflow/Snakefile
EXPERIMENT := --config experiment=$(CONFIG)

.PHONY: help setup report table1 table2 table3 figures claims hypotheses paper_audit audit extraction_report provenance verify doctor config-show all test test-fast test-learning test-gpu test-slurm check format lint types new-method test-method docs site wheel unlock clean test-mutants fuzz audit-dependencies test-faults

help:  ## this text
	@grep -hE '^[a-z0-9_ -]+:.*##' $(MAKEFILE_LIST) | awk -F':[^#]*## ' '{printf "  make %s\n      %s\n", $$1, $$2}'

setup: $(STAMP)  ## virtual environment .venv with pinned packages

# The installed interpreter may be called otherwise; what counts is its version.
$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && command -v $(PYTHON) >/dev/null || { echo "no Python found: install Python 3.11 or say PYTHON=path"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "the module venv is missing (on Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,dev,slurm,kubernetes]"
	@touch $(STAMP)

report audit extraction_report provenance table1 table2 table3 figures claims hypotheses paper_audit all: setup  ## one page with everything (report.html); the audit of the data, how well reports are read, the manifest of all results; a table, the figures, the claims, the experiment's hypotheses, the audit of the paper, or all of these but the first four (CONFIG=config/x.yaml, PROFILE=profiles/slurm)
	$(SNAKEMAKE) $(EXPERIMENT) $(ARGS) -- $@

# Not after setup, which may be what is broken.
doctor:  ## is this machine ready? Python, packages, GPU, memory, disk, profile, locks, the experiment: pass, warn or fail, and the fix (CONFIG=config/x.yaml, PROFILE=profiles/slurm)
	@$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m rsuper.doctor --config $(CONFIG) $(if $(PROFILE),--profile $(PROFILE))

config-show: setup  ## the experiment with every default, each value with the file and line it is from (CONFIG=config/x.yaml)
	@$(BIN)/python -m rsuper.config.show $(CONFIG)

verify: setup  ## check results against their manifest: files, settings, code (CONFIG=config/x.yaml; RESULTS=folder where they lie elsewhere)
	$(BIN)/python -m rsuper.provenance.verify --config $(CONFIG) $(RESULTS)

test: setup  ## all tests but test-learning's, with branch coverage of rsuper/, at least 90 % (not asked for with ARGS)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not learning and not slurm" $(if $(ARGS),$(ARGS),$(COVERAGE))

test-fast: setup  ## all tests but the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not learning and not slurm" $(ARGS)

test-learning: setup  ## every method trained until it must have learned (config/easy.yaml)
	$(BIN)/python -m pytest -m learning $(ARGS)

test-gpu: setup  ## what needs a GPU, skipped with a reason where there is none; seconds on an idle one
	$(BIN)/python -m pytest -m gpu -rs tests/gpu tests/losses tests/methods/test_not_finite.py $(ARGS)

test-faults: setup  ## the micro experiment in four orders, then 112 random faults (kills, full disks, damaged files, ...); all kinds as root
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.orders --out results/reference/faults
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.run --faults 100 --halfway 12 --seed 0 --out results/reference/faults $(ARGS)

test-slurm: setup  ## the workflow through a real Slurm with pretend GPUs, installed and started here; as root on Debian, else skipped with a reason
	RSUPER_TEST_SLURM=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slurm -rs tests/slurm $(ARGS)

test-mutants: setup  ## 300 changes of losses, metrics and statistics, each against the tests; at most an hour, results/reference/mutants (ARGS=--again: those that survived)
	$(BIN)/python benchmarks/mutants.py --out results/reference/mutants $(ARGS)

MINUTES ?= 10
FUZZED ?= results/reference/fuzz
fuzz: setup  ## report texts, experiment files and cards, tables and NIfTI files that nobody wrote, for MINUTES=10 each; the result in FUZZED=folder
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.run --minutes $(MINUTES) --out $(FUZZED) $(ARGS)

SERVICE ?= pypi
AUDITOR := .venv-audit/bin/pip-audit
$(AUDITOR): | setup
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet "pip-audit==2.10.1"

audit-dependencies: setup $(AUDITOR)  ## which of the pinned packages have known vulnerabilities; asks pypi.org (SERVICE=osv: osv.dev), and says so where it gets no answer
	$(BIN)/python -m tests.security.audit $(AUDITOR) constraints.txt $(SERVICE)

check: lint types test  ## format, lint, types, Snakemake's own lint, tests

format: setup  ## write the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt $(SNAKEFILES)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check $(SNAKEFILES)
	$(BIN)/snakemake --lint

types: setup
	$(BIN)/mypy

new-method: setup  ## methods/x, a folder to start from (NAME=x)
	@test -n "$(NAME)" || { echo "say how the method is called: make new-method NAME=my_method"; exit 1; }
	@$(BIN)/python -m rsuper.scaffold "$(NAME)"

test-method: setup  ## the contract on one method, seconds (NAME=x)
	@test -n "$(NAME)" || { echo "say which method: make test-method NAME=my_method"; exit 1; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --no-header --tb=short tests/methods/test_contract.py --method "$(NAME)" $(ARGS)

docs: setup  ## docs/deviations.md, from its head and the method cards, docs/paper_audit.md, docs/findings.schema.json, config/*.schema.json, and the figures of docs/losses.md
	$(BIN)/python -m rsuper.publish.deviations
	$(BIN)/python -m rsuper.publish.findings_schema
	$(BIN)/python -m rsuper.publish.config_schema
	$(BIN)/python -m rsuper.publish.audit.document
	$(BIN)/python docs/figures/losses.py
	$(BIN)/python docs/figures/finding.py
	$(BIN)/python docs/figures/readme_results.py

SITE := $(VENV)/.site
# The project again, with one extra more: pip leaves what is there as the pins have it.
$(SITE): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[site]"
	@touch $(SITE)

site: $(SITE)  ## docs/ as a site to be opened from build/site/index.html, with search, offline; a warning is an error (installs Sphinx)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning -c docs/site docs build/site
	@echo "open build/site/index.html"

wheel: setup  ## dist/*.whl: losses, metrics, statistics and the reader of reports, for other projects (docs/interfaces.md)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

unlock: setup  ## after a killed run: remove Snakemake's lock; its jobs that still wait in a cluster's queue will do nothing
	$(SNAKEMAKE) $(EXPERIMENT) --unlock

clean:  ## remove what the workflow made (not the reference results)
	rm -rf .snakemake $(filter-out results/README.md results/reference,$(wildcard results/*))
