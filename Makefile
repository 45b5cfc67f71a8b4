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

TARGETS := help report plan check test fuzz bench lab clean
# `make report EPOCHS 3` would build the whole report first, and then look for a target EPOCHS.
unknown := $(filter-out $(TARGETS) .venv/installed .venv/installed-for-tests,$(MAKECMDGOALS))
ifneq ($(unknown),)
$(error "$(unknown)" is no target. There are: $(TARGETS). Write values as NAME=VALUE, without \
spaces around the =, and quote a value that contains spaces: make report EPOCHS=3 DATA='my images')
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: $(TARGETS)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: .venv/installed ## build reports/build/report.html and report.pdf; PARAMS=FILE, or any NAME=VALUE of it
	@$(BIN)/python -m reports $(call quoted,$(value PARAMS)) $(SETTINGS)

plan: .venv/installed ## say what `make report` would do with the same words, and how long it would take
	@$(BIN)/python -m reports.plan $(call quoted,$(value PARAMS)) $(SETTINGS)

define checks
$(BIN)/python -m ruff format --check
$(BIN)/python -m ruff check
$(BIN)/python -m mypy
$(BIN)/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
endef
# Two files of tests at a time, in the order of tests/conftest.py.
tests = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: .venv/installed-for-tests ## check layout, style, types, imports and locked versions, and run the fast tests
	$(checks)
	$(BIN)/python tests/audit.py
	$(tests) -m "not slow"

test: .venv/installed-for-tests ## check layout, style, types and imports, and run all tests, in some minutes
	$(checks)
	$(tests)

fuzz: .venv/installed-for-tests ## run the fuzzers for longer, in some minutes
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile fuzz

bench: .venv/installed ## measure how fast training and the quick report are, in some minutes
	@$(BIN)/python -m reports.bench

# The kernel is this environment's, whichever other ones Jupyter would find before it.
lab: export JUPYTER_PATH =
lab: export JUPYTER_PREFER_ENV_PATH = 1
lab: .venv/installed ## open JupyterLab on the notebooks, on this machine only, with its token
	$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. \
		--LabApp.app_settings_dir=reports/lab \
		$(if $(filter 0,$(shell id -u)),--allow-root) notebooks/explore.ipynb

clean: ## delete the built report; trained models in runs/ stay
	rm -rf reports/build

# Locks name every package with its hash, so nothing is resolved and nothing else is fetched.
pip := $(BIN)/python -m pip install
locked := $(pip) --no-deps --require-hashes
# PyTorch's builds without a GPU's libraries. The public index has none for Linux: +cpu can only come
# from an index that the user has named to pip.
cpu_builds = $(shell sed -nE 's/^(torch|torchvision)==([^ ]+).*/\1==\2+cpu/p' requirements.txt)
has_cpu_builds = $(BIN)/python -c 'import sys; from importlib.metadata import version; \
	sys.exit(any(version(name) != it for name, it in (word.split("==") for word in sys.argv[1:])))' \
	$(cpu_builds) 2>/dev/null

# A folder that was moved or copied brings along a .venv that still names the old place; and one
# whose Python is gone, or another, since the system was upgraded finds no packages.
ifneq ($(shell $(BIN)/python -c 'import pip' 2>/dev/null && cat .venv/installed),$(CURDIR))
.venv/installed: moved
endif
.PHONY: moved
moved: ;

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, PYTHON=$(PYTHON) is " + sys.version.split()[0])'
	@# A .venv without pip was left half made, or its Python is gone.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv >/dev/null || { \
		echo '$(PYTHON) cannot make a virtual environment: on Debian and Ubuntu install the package' \
			'python3-venv, then run make again'; exit 1; }
	@echo 'installing into .venv what requirements.txt locks; this takes minutes'
	@test "$$(uname -s)" != Linux || test -e /dev/nvidiactl || test -e /dev/dxg || \
		$(has_cpu_builds) || $(pip) --quiet --no-deps $(cpu_builds) 2>/dev/null || \
		echo 'no GPU is seen, but pip finds no CPU build of PyTorch, so libraries for GPUs come along' \
			'(4 GB): to do without, name its index of CPU builds in PIP_EXTRA_INDEX_URL'
	@$(has_cpu_builds) && gpu='cuda-|nvidia-|triton=' || gpu='none'; \
		awk "/^[a-z]/ {skip = /^($$gpu)/} !skip" requirements.txt >.venv/lock.txt
	@$(locked) --only-binary :all: -r .venv/lock.txt 2>.venv/pip.log || { cat .venv/pip.log >&2; \
		grep -q 'No matching distribution' .venv/pip.log && \
		echo 'requirements.txt does not serve this Python and machine, or no index was reached:' \
			'installing the ranges of pyproject.toml, without hashes' && $(pip) .; }
	$(pip) --no-deps --no-build-isolation -e .
	@printf %s $(call quoted,$(CURDIR)) >$@

.venv/installed-for-tests: .venv/installed tests/requirements.txt
	$(locked) --no-build-isolation --use-pep517 -r tests/requirements.txt
	touch $@
