# make demo: a synthetic flat becomes a map that answers "massage chair".   make test: everything that must hold.
BIN := .venv/bin
DEMO := demo

.DEFAULT_GOAL := help
.PHONY: help setup demo test format bench pictures home clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.ready: pyproject.toml constraints.txt scripts/setup.sh
	@sh scripts/setup.sh

setup: .venv/.ready ## everything that is needed, into .venv (system libraries too, where it may)

demo: setup ## generate a flat, fuse it, ask for the massage chair, label and evaluate it
	@$(BIN)/dvemap demo $(DEMO)

test: setup ## format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile

format: setup ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## speed against the memory floor and against peers, on this machine
	$(BIN)/dvemap bench map

pictures: setup ## the pictures of README.md, of the flat of the demo
	@sh scripts/pictures.sh

home: setup ## the student that comes with dvemap, made anew: data, training, export (2 h on 2 cores)
	@sh scripts/home.sh

clean: ## remove the environment, caches and the demo
	rm -rf .venv $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
