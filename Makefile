# make demo   installs into .venv and turns examples/portrait.jpg + examples/speech.wav into out/demo.mp4
# make app    installs into .venv and opens the web page
# make test   installs the test extra into .venv and runs the tests
# make help   lists the rest
#
# Needed beforehand: Python 3.10 or newer and make. No ffmpeg, no GPU.
# PYTHON=python3.12   another Python          TORCH=torch   another build of PyTorch, any pip requirement

PYTHON ?= python3
VENV ?= .venv
TORCH ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
TORCH_PINNED := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

.DEFAULT_GOAL := help
.PHONY: help demo app test lint bench docs notebooks picture sbom audit clean

help:  ## list what make can do here
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

demo: $(VENV)/.run  ## examples/portrait.jpg + examples/speech.wav -> out/demo.mp4
	@echo "== Making out/demo.mp4 from examples/portrait.jpg and examples/speech.wav"
	@$(BIN)/dreamtalk generate examples/portrait.jpg examples/speech.wav --size 512 -o out/demo.mp4
	@echo "== Done. Open out/demo.mp4 in a video player."

app: $(VENV)/.app  ## open the web page: click an example, or use your own picture and voice
	@$(BIN)/dreamtalk app

test: $(VENV)/.dev  ## run the tests
	@echo "== Running the tests (pytest)"
	@$(BIN)/python -m pytest

lint: $(VENV)/.dev  ## check style (ruff) and types (mypy)
	@echo "== Checking style (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "== Checking types (mypy --strict)"
	@$(BIN)/mypy

bench: $(VENV)/.run  ## measure the whole line: time per step, peak memory
	@echo "== Measuring the whole line"
	@$(BIN)/python benchmarks/line.py

docs: $(VENV)/.docs  ## build the documentation as a site: out/site/index.html
	@echo "== Building out/site (mkdocs, strict)"
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

notebooks: $(VENV)/.docs  ## run examples/notebooks/*.ipynb, results into out/notebooks
	@echo "== Running the notebooks"
	@$(BIN)/python examples/notebooks/run.py

picture: demo $(VENV)/.dev  ## frames of out/demo.mp4 as docs/images/demo.jpg
	@echo "== Making docs/images/demo.jpg"
	@$(BIN)/python docs/images/make_strip.py out/demo.mp4 docs/images/demo.jpg

sbom: $(VENV)/.run  ## software bill of materials (CycloneDX), models included -> out/sbom.json
	@$(PIP) install -qq "cyclonedx-bom>=5,<8"
	@mkdir -p out
	@$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --of JSON -o out/sbom.json
	@$(BIN)/python docs/make_sbom.py out/sbom.json
	@echo "== out/sbom.json"

audit: $(VENV)/.run  ## known holes in what is installed (needs the network)
	@$(PIP) install -qq "pip-audit>=2.7,<3"
	@$(BIN)/pip-audit --progress-spinner off

clean:  ## remove .venv, out and caches
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 demo")'
	@echo "== Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# PyTorch comes first and alone: on Linux plain "torch" brings gigabytes of CUDA that a machine without an NVIDIA GPU
# cannot use, so there the CPU build is asked for by name.
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	@if [ -n "$(TORCH)" ]; then \
	  echo "== Installing PyTorch ($(TORCH), as asked)"; $(PIP) install -qq "$(TORCH)"; \
	elif [ "$$(uname -s)" = Linux ] && ! nvidia-smi >/dev/null 2>&1; then \
	  echo "== Installing PyTorch ($(TORCH_PINNED), CPU build)"; \
	  $(PIP) install -qq --no-deps --retries 1 --timeout 30 --extra-index-url $(TORCH_CPU_INDEX) "$(TORCH_PINNED)+cpu" || \
	  { echo "== The CPU build cannot be reached. Installing $(TORCH_PINNED) as the package index has it: on Linux that"; \
	    echo "== may be several GB of CUDA. To stop: Ctrl-C. To choose another build: make TORCH=... (docs/install.md)"; \
	    $(PIP) install -qq "$(TORCH_PINNED)"; }; \
	else \
	  echo "== Installing PyTorch ($(TORCH_PINNED))"; $(PIP) install -qq "$(TORCH_PINNED)"; \
	fi
	@touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.torch
	@echo "== Installing dreamtalk and what it needs"
	@$(PIP) install -qq $(if $(TORCH),,-c constraints.txt) -e .
	@touch $@

$(VENV)/.docs: pyproject.toml $(VENV)/.torch
	@echo "== Installing dreamtalk with the tools for the documentation"
	@$(PIP) install -qq $(if $(TORCH),,-c constraints.txt) -e '.[docs,eval]'
	@touch $@ $(VENV)/.run

$(VENV)/.app: pyproject.toml $(VENV)/.torch
	@echo "== Installing dreamtalk with its web page"
	@$(PIP) install -qq $(if $(TORCH),,-c constraints.txt) -e '.[serve]'
	@touch $@ $(VENV)/.run

$(VENV)/.dev: pyproject.toml $(VENV)/.torch
	@echo "== Installing dreamtalk with the tools for tests and checks"
	@$(PIP) install -qq $(if $(TORCH),,-c constraints.txt) -e '.[dev]'
	@touch $@ $(VENV)/.run $(VENV)/.app
