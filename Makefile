# Okaeri. `make run` and `make test` are all it takes; `make help` lists the rest.
# Needs git, make and Python 3.11 or newer with venv. Everything else is fetched into .venv from hashed locks.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
UV_LINE := 0.13

# uv trusts the certificates that the machine trusts, as pip and the browser do.
export UV_SYSTEM_CERTS = 1
export UV_NO_PROGRESS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONUTF8 = 1

# Most tests wait for a socket or a browser: three at once, also on two cores.
TESTERS ?= 3

# What `make test` runs on PostgreSQL too, which starts by itself; `make test-long` runs everything on both.
ON_SERVER ?= tests/faults tests/jobs/test_transport.py \
  $(addprefix tests/storage/test_,$(addsuffix .py,engine in_loop outbox postgresql queue_plan schema search server_for_tests))

# A stamp carries the sum of all that decides what is installed, and where: a second run sees it and does nothing.
SUM  := $(firstword $(shell { cat Makefile pyproject.toml requirements.lock requirements-dev.lock \
          requirements-uv.lock; pwd; } | cksum))
LIVE := $(shell $(BIN)/python -c "" 2>/dev/null && echo yes)
# Once the tools for development are in, they stay: `make run` never takes them away again.
RUNTIME_SET := $(if $(wildcard $(VENV)/.set-dev-*),dev,runtime)

# A venv that works, in this place; uv; exactly the packages of the lock; `okaeri` itself, from this folder.
define install_from
@set -e; \
	test -x $(BIN)/python && test "$$(cat $(VENV)/.place 2>/dev/null)" = "$$(pwd)" && $(BIN)/python -c "" 2>/dev/null || { \
	  for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && break; python=; done; \
	  test -n "$$python" || { echo "Okaeri needs Python 3.11 or newer; found: $$($(PYTHON) --version 2>&1)."; \
	    echo "On Debian or Ubuntu: sudo apt-get install python3 python3-venv; or name one: make run PYTHON=/path/to/python3"; exit 1; }; \
	  $$python -c "import venv, ensurepip" 2>/dev/null || { echo "This Python has no venv; on Debian or Ubuntu:"; \
	    echo "  sudo apt-get install python3-venv"; exit 1; }; \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  $$python -m venv --clear $(VENV); pwd > $(VENV)/.place; }; \
	uv=$$(command -v uv || true); \
	case "$$($${uv:-false} --version 2>/dev/null)" in "uv $(UV_LINE)."*) ;; *) uv=$(BIN)/uv;; esac; \
	test "$$uv" != $(BIN)/uv || $(BIN)/python -m pip install -q --require-hashes -r requirements-uv.lock; \
	echo "Installing $(1)"; \
	$$uv pip sync -q --python $(BIN)/python --require-hashes $(1) || { \
	  echo "uv could not; trying pip, which may know another index"; \
	  $(BIN)/python -m pip install -q --require-hashes -r $(1); }; \
	$$uv pip install -q --python $(BIN)/python --offline --no-deps --editable .; \
	rm -f $(VENV)/.set-*; \
	touch $(patsubst %-again,%,$@)
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-long check format bench install install-dev manifest lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install ## set up and start the playground on http://127.0.0.1:3978/ (port: OKAERI_PORT)
	@exec $(BIN)/okaeri playground

test: install-dev ## set up, provide a browser and Japanese fonts, run the tests (at most 10 minutes)
	@$(BIN)/python -m tests.e2e.browser
	$(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ARGS)
	$(if $(ARGS),,OKAERI_TEST_DATABASE=postgresql $(BIN)/python -m pytest -n $(TESTERS) --dist worksteal $(ON_SERVER))

test-long: install-dev ## the same with the full matrices, and all of it on both databases
	@$(BIN)/python -m tests.e2e.browser
	for database in sqlite postgresql; do OKAERI_TEST_DATABASE=$$database $(BIN)/python -m pytest -n $(TESTERS) \
	  --dist worksteal -m "long or not long" --hypothesis-profile=long $(ARGS) || exit 1; done

check: install-dev ## static checks: ruff, mypy strict, the contracts between the rooms
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: install-dev ## put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: install-dev ## measure against limits found in the same run; writes var/bench.json
	$(BIN)/python -m tests.bench

manifest: install ## write app_manifest.yml from the registry
	@OKAERI_COMPANY_NAME= OKAERI_NETWORK_NAME= OKAERI_CATALOGUE= \
	  $(BIN)/okaeri manifest --side alumni --base-url https://okaeri.example.com > app_manifest.yml.new
	@mv app_manifest.yml.new app_manifest.yml

install: $(VENV)/.set-$(RUNTIME_SET)-$(SUM)$(if $(LIVE),,-again) ## what `make run` needs
install-dev: $(VENV)/.set-dev-$(SUM)$(if $(LIVE),,-again) ## what `make test` and `make check` need

$(VENV)/.set-runtime-%:
	$(call install_from,requirements.lock)

$(VENV)/.set-dev-%:
	$(call install_from,requirements-dev.lock)

lock: install-dev ## renew the locks for pyproject.toml; newest versions: make lock ARGS=--upgrade
	@set -e; uv=$$(test -x $(BIN)/uv && echo $(BIN)/uv || command -v uv); \
	compile="$$uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links $(ARGS)"; \
	$$compile pyproject.toml -o requirements.lock; \
	$$compile pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock; \
	echo "uv==$(UV_LINE).*" | $$compile - -o requirements-uv.lock

clean: ## remove everything that was made here, the playground's data too
	rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find adapters bot jobs storage tests -name __pycache__ -type d -prune -exec rm -rf {} +
