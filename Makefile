# Every target with its line of help: make help
.DEFAULT_GOAL := help
.PHONY: help setup demo test chaos lint types bench lock clean

BIN := .venv/bin
READY := .venv/ready
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard calldron/locale/*/LC_MESSAGES/*.po))

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(CATALOGUES) ## the virtual environment and translations; quick when nothing changed
	@:

demo: setup ## the main job for real, on loopback; KEEP=1 leaves it running
	@$(BIN)/python scripts/demo.py

test: setup ## all checks and the whole suite, with the programs it needs; ARGS="-k sip" goes to pytest
	@scripts/peers
	@scripts/check $(ARGS)

chaos: setup ## installations whose every part fails, judged by their carrier; ROUNDS=200 SEED=… DATABASE=sqlite|postgres
	@scripts/peers
	@PYTHONPATH=.:tests $(BIN)/python -m chaos $(ROUNDS) $(if $(SEED),--seed $(SEED)) $(if $(DATABASE),--database $(DATABASE)) $(ARGS)

lint: setup ## style, format and import arrows
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

types: setup ## mypy, strict
	@$(BIN)/mypy

bench: setup ## benchmarks, with Asterisk beside us
	@scripts/peers
	@$(BIN)/python -m bench $(ARGS)

lock: setup ## resolve requirements*.in anew into the hashed lists
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt

clean: ## everything that the targets above made
	rm -rf .venv .cache build calldron.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find calldron tests bench scripts -name __pycache__ -prune -exec rm -rf {} +
	rm -f $(CATALOGUES)

$(READY): requirements-dev.txt requirements.in pyproject.toml scripts/setup
	@scripts/setup
	@touch $@

%.mo: %.po $(READY)
	@$(BIN)/pybabel --quiet compile --input-file $< --output-file $@
