# make run | test | slow | check | fix | docs | site | messages | conformance | clients | soak | lowest | lock | sbom | manifests | bench | bench-peers. Each makes its environment in .venv the first time.

VENV := .venv
BIN := $(VENV)/bin
SOURCES := router plugins tests docs scripts bench examples pytest_router.py setup.py
export PYTHON

.PHONY: run test slow check fix docs site messages conformance clients soak lowest lock sbom manifests bench bench-peers clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	@scripts/run.sh $(VENV)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 $(ARGS)

# What takes long and what starts much: browsers, chains, processes that are killed, whole programs.
slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 -m "slow and not soak and not clients" $(ARGS)

check: $(VENV)/.installed-dev .typing/router_plugins
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/python -m pytest tests/house/test_layers.py
	$(BIN)/python -m bench.guard
	$(BIN)/python docs/generate.py --check

fix: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py

# The pages as a site in site/, which asks no other host for anything.
site: $(VENV)/.installed-dev
	$(BIN)/python docs/site.py

# The texts of pages and mails into the catalogues of every language; says which lack a translation.
messages: $(VENV)/.installed-dev
	$(BIN)/python scripts/messages.py $(ARGS)

# Every bundled plugin under all rules; then make docs, for the tables in docs/providers.md.
conformance: $(VENV)/.installed-dev
	$(BIN)/python docs/conformance.py

soak: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m soak $(ARGS)

# Real programs (Codex, Claude Code, the AI SDK) from npm against a gateway: 700 MB, kept in the user's cache.
clients: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m clients -v $(ARGS)

# The lower bounds in setup.py, proved by an environment that has just these versions; after every change of one.
lowest: $(VENV)/.installed-dev
	$(BIN)/python scripts/lowest.py

# Exact versions with hashes for the container; after every change of a requirement.
lock: $(VENV)/.installed-dev
	$(BIN)/python scripts/lock.py

# What is in the container, as CycloneDX, in dist/sbom.json.
sbom: $(VENV)/.installed-dev
	$(BIN)/python scripts/sbom.py $(ARGS)

# deploy/kubernetes from the chart; needs `helm`.
manifests: $(VENV)/.installed-dev
	$(BIN)/python scripts/manifests.py

# ARGS="--quick" for one short run, "--write" to replace the tables in bench/RESULTS.md, "--json FILE" for all figures,
# "--against REF" to measure another commit in turns with this one, "--peer NAME=URL,KEY,MODEL" a gateway that runs.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(VENV)/.installed-dev bench/.venv-litellm/.installed bench/node_modules/.installed
	$(BIN)/python -m bench --peers $(ARGS)

clean:
	rm -rf $(VENV) .venv-lowest site dist bench/.venv-litellm bench/node_modules .typing build *.egg-info .mypy_cache .pytest_cache .ruff_cache

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

# The peers of make bench-peers, each in an environment of its own.
bench/.venv-litellm/.installed: bench/requirements-litellm.txt
	$(BIN)/python -m venv --clear bench/.venv-litellm
	bench/.venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench/node_modules/.installed: bench/package.json bench/package-lock.json
	npm --prefix bench ci --silent --ignore-scripts
	@touch $@
