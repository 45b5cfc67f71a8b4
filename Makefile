# Everything runs in a virtual environment of the project's own, .venv.
PYTHON ?= python3
PARAMS ?= reports/full.yaml

BIN := .venv/bin
# Every NAME=VALUE of the command line, but for those of this Makefile, is a parameter of the report:
# handed over in single quotes, so that the shell takes a value as it is.
quoted = '$(subst ','\'',$(1))'
NAMES = $(sort $(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(subst :=,=,$(word))))))
SETTINGS = $(foreach name,$(filter-out PYTHON PARAMS,$(NAMES)),$(if \
	$(filter command,$(firstword $(origin $(name)))),$(call quoted,$(name)=$(value $(name)))))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report plan check test bench lab clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: .venv/installed ## build reports/build/report.html and report.pdf; PARAMS=FILE, or any NAME=VALUE of it
	@$(BIN)/python -m reports $(call quoted,$(value PARAMS)) $(SETTINGS)

plan: .venv/installed ## say what `make report` would do with the same words, and how long it would take
	@$(BIN)/python -m reports.plan $(call quoted,$(value PARAMS)) $(SETTINGS)

define checks
$(BIN)/ruff format --check
$(BIN)/ruff check
$(BIN)/mypy
$(BIN)/lint-imports
endef
# Two files of tests at a time, in the order of tests/conftest.py.
tests = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: .venv/installed-for-tests ## check layout, style, types and imports, and run the fast tests
	$(checks)
	$(tests) -m "not slow"

test: .venv/installed-for-tests ## run the same checks and all tests, in some minutes
	$(checks)
	$(tests)

bench: .venv/installed ## measure how fast training and the quick report are, in some minutes
	@$(BIN)/python -m reports.bench

# The kernel is this environment's, whichever other ones Jupyter would find before it.
lab: export JUPYTER_PATH =
lab: export JUPYTER_PREFER_ENV_PATH = 1
lab: .venv/installed ## open JupyterLab on the notebooks, on this machine only, with its token
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. \
		--LabApp.app_settings_dir=reports/lab \
		$(if $(filter 0,$(shell id -u)),--allow-root) notebooks/explore.ipynb

clean: ## delete the built report; trained models in runs/ stay
	rm -rf reports/build

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, PYTHON=$(PYTHON) is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing into .venv: PyTorch and Jupyter, several GB on Linux; this takes minutes"
	$(BIN)/python -m pip install -r requirements.txt -e .
	touch $@

.venv/installed-for-tests: .venv/installed tests/requirements.txt
	$(BIN)/python -m pip install -r tests/requirements.txt
	touch $@
