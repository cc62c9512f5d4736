# Everything is built in the checkout: .venv (to build and test), .venvs/wheel (the wheel, as a user has
# it), .demo (what `make lab` shows). `make lab ROOT=dir` runs on your own folder with the real hosts.

PYTHON ?= python3
ROOT ?=
PACKAGE := jupyter_server_ext/comfyui_cockpit
JAR := $(PACKAGE)/sidecar.jar
BIN := .venv/bin
WHEEL_PYTHON := .venvs/wheel/bin/python

.DEFAULT_GOAL := help
.PHONY: help tools lab test test-java test-python test-web test-ui lint format bench soak jar \
	labextension wheel wheel-environment clean

help:
	@echo "make lab            JupyterLab with a demo; ROOT=dir: on your folder, with the real hosts"
	@echo "make test           everything; parts: test-java test-python test-web test-ui lint"
	@echo "make format         format Python and TypeScript"
	@echo "make wheel          build the wheel into dist/"
	@echo "make bench soak     the long ones"
	@echo "make clean          remove all that was built"

tools:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "These tools are missing:"; \
	  echo "- Python 3.10 or newer: https://www.python.org/downloads/"; \
	  command -v mvn >/dev/null || echo "- Maven 3.8 or newer: apt install maven, brew install maven"; \
	  command -v node >/dev/null || echo "- Node 20 or newer: https://nodejs.org/"; \
	  command -v javac >/dev/null || echo "- JDK 25: https://adoptium.net/temurin/releases/?version=25"; \
	  exit 1; }
	@$(PYTHON) hatch_build.py

.venv/ready: pyproject.toml | tools
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

jar: .venv/ready
	$(BIN)/python hatch_build.py jar

labextension: .venv/ready
	$(BIN)/python hatch_build.py labextension

# The package itself, editable: the modules under test are the ones in the checkout.
.venv/installed: pyproject.toml hatch_build.py | .venv/ready jar labextension
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	touch $@

wheel: jar labextension
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

# Makes the environment of the wheel anew only when something in the wheel has changed.
wheel-environment: jar labextension
	$(BIN)/python demo/lab.py --prepare

lab: jar labextension
	@$(BIN)/python demo/lab.py $(if $(ROOT),--root "$(ROOT)")

test: lint test-java test-python test-web test-ui

test-java: tools
	mvn -B verify

# Two files of tests at a time: much of it is waiting for a network on purpose.
test-python: .venv/installed wheel-environment
	COCKPIT_PYTHON=$(abspath $(WHEEL_PYTHON)) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

node_modules: package.json yarn.lock | .venv/ready
	$(BIN)/jlpm install
	touch $@

test-web: labextension node_modules
	$(BIN)/jlpm run test

test-ui: wheel-environment node_modules
	COCKPIT_PYTHON=$(abspath $(WHEEL_PYTHON)) $(BIN)/jlpm run test:ui

lint: .venv/installed node_modules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/jlpm run lint

format: .venv/installed node_modules
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/jlpm run format

bench: wheel-environment
	$(BIN)/python -m bench

soak: wheel-environment .venv/installed
	mvn -B verify -Dsoak
	COCKPIT_PYTHON=$(abspath $(WHEEL_PYTHON)) COCKPIT_KILLS=20 $(BIN)/python -m pytest jupyter_server_ext -k kill
	COCKPIT_KILLS=200 COCKPIT_SOAK=1 $(BIN)/python -m pytest e2e/test_kills.py e2e/test_large.py
	COCKPIT_KILLS=100 $(BIN)/python -m pytest e2e/test_versions_kills.py

clean:
	rm -rf .venv .venvs .demo dist node_modules target sidecar/target labextension/lib
	rm -rf $(PACKAGE)/labextension $(JAR)
