# make run | test | check | fix | docs | soak. Each makes its own environment in .venv the first time.

VENV := .venv
BIN := $(VENV)/bin
SOURCES := router plugins tests docs scripts setup.py
export PYTHON

.PHONY: run test check fix docs soak clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	@scripts/run.sh $(VENV)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed-dev .typing/router_plugins
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/house/test_layers.py
	$(BIN)/python docs/generate.py --check

fix: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py

soak: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m soak $(ARGS)

clean:
	rm -rf $(VENV) .typing build *.egg-info .mypy_cache .pytest_cache .ruff_cache

# The stamps are renewed when the dependencies may have changed.
$(VENV)/.installed: setup.py pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV)
	@touch $@

$(VENV)/.installed-dev: setup.py pyproject.toml scripts/setup.sh
	@scripts/setup.sh $(VENV) dev
	@touch $@ $(VENV)/.installed

# mypy finds the plugins under their import name through this link.
.typing/router_plugins:
	@mkdir -p .typing
	@ln -s ../plugins $@
