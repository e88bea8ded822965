# Two commands matter to a newcomer: `make demo` and `make test`. Everything is installed into $(VENV).
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
EXTRAS := embedded,dev,docs,ase,atomate2,dask,mlip,serve
# The exact version keeps pip from bringing several GB of CUDA packages; a GPU user installs a CUDA build beforehand.
TORCH := torch==2.13.0
STAMP := $(VENV)/.installed
LINKS := .typecheck

# Tests start some hundred processes of the program: each would compile it anew.
export PYTHONDONTWRITEBYTECODE :=

# One more than cores: many tests wait for a server, and each worker imports everything.
WORKERS ?= $(shell expr $$(nproc) + 1)

# The lowest versions that pyproject.toml admits get an environment of their own, and torch none: see test-lowest.
LOWEST := .venv-lowest

# It makes 1,300,000 compositions by itself, which takes minutes: run it alone for that.
LARGE := tests/benchmarks/bench_queries.py

.PHONY: install demo docs models figures test test-endurance test-lowest coverage lint types format benchmark clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[$(EXTRAS)]"
	touch $@

demo: install  ## set everything up, run the main job on the bundled sample, show what came out
	$(BIN)/exfolio demo

docs: install  ## build the documentation as a site, in site/; any broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --clean --quiet
	@echo "Open site/index.html, or with search: $(BIN)/python -m http.server --directory site --bind 127.0.0.1 8001"

models: install  ## train the models that come with the package again, from the public data in ../shared/data
	$(BIN)/python tests/learnt/ship_models.py

figures: install  ## write the page of the papers' figures beside ours, and that of the models' cards
	$(BIN)/python tests/accuracy/paper_figures.py
	$(BIN)/python tests/accuracy/model_cards.py

test: install  ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not endurance" $(PYTEST_OPTIONS)

# They wait more than they compute: twice as many at once as cores.
test-endurance: install  ## run the tests that kill, restart, repeat or outwait what they test
	$(BIN)/python -m pytest -n $(shell expr 2 \* $$(nproc)) --dist worksteal -m endurance $(PYTEST_OPTIONS)

# pip has no such resolution, uv has. Of torch the lowest brings several GB of CUDA packages: it is the one of `install`.
$(LOWEST)/.installed: pyproject.toml
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	echo "$(TORCH)" > $(LOWEST)/torch.txt
	$(LOWEST)/bin/uv pip compile --quiet --no-annotate --python $(LOWEST)/bin/python --all-extras \
		--resolution lowest-direct --constraint $(LOWEST)/torch.txt --output-file $(LOWEST)/lowest.txt pyproject.toml
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/lowest.txt "$(TORCH)"
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOWEST)/lowest.txt --editable ".[$(EXTRAS)]"
	touch $@

test-lowest: $(LOWEST)/.installed  ## run the tests on the lowest versions of what pyproject.toml asks for
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_OPTIONS)

coverage: install  ## run the tests and say which lines they reach
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered $(PYTEST_OPTIONS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# mypy wants the package's name to be a folder: a folder of links named exfolio gives it that.
types: install
	rm -rf $(LINKS) && mkdir -p $(LINKS)/exfolio
	for part in __init__.py py.typed cli builders models stores web; do ln -s "$(CURDIR)/$$part" $(LINKS)/exfolio/$$part; done
	cd $(LINKS) && "$(abspath $(BIN))/mypy" --config-file "$(CURDIR)/pyproject.toml" --cache-dir "$(CURDIR)/.mypy_cache" -p exfolio

benchmark: install  ## time exfolio beside its peers, ratios in one run
	for file in $(filter-out $(LARGE),$(wildcard tests/benchmarks/bench_*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done
	$(BIN)/python $(LARGE) --size 50000

clean:
	rm -rf $(VENV) $(LOWEST) $(LINKS) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache
