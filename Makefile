# The two commands of the README: `make report` and `make test`. Each installs what it needs into .venv first.

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.PHONY: report test test-browser reference ablation bench bench-full setup lint format clean

report: setup
	$(BIN)/hw run all; status=$$?; $(BIN)/hw report && exit $$status

test: setup lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal
	$(BIN)/pytest --nbmake --nbmake-timeout=600 notebooks/

# The tests that need a Chromium: a real JupyterLab, and the report's pages. Without one they fail here, elsewhere they are skipped.
test-browser: setup
	HW_REQUIRE_BROWSER=1 OMP_NUM_THREADS=1 $(BIN)/pytest tests/explore/test_lab.py tests/training/test_live_lab.py tests/report/test_report_shown.py

# What is missing of the reference results on real images, in DATA or $$HW_DATA; it may be stopped, and goes on.
reference: setup
	$(BIN)/hw reference $(if $(DATA),--data "$(DATA)")

# What each ingredient of AdaMatch is worth, on svhn -> mnist; goes on likewise.
ablation: setup
	$(BIN)/hw ablation $(if $(DATA),--data "$(DATA)")

# Trainings against the loop of the homework's references, on DATA, $$HW_DATA or the sample; benchmarks/out/bench.json.
bench: setup
	$(BIN)/python -m benchmarks.bench $(if $(DATA),"$(DATA)")

# The full profile at the course's data sizes: projected from the time of a step, or with RUN=1 really trained.
bench-full: setup
	$(BIN)/python -m benchmarks.full $(if $(RUN),--run)

setup: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and f"Python 3.11 to 3.13 is needed, and $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv report/build .pytest_cache .ruff_cache
