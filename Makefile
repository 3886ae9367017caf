# What people and CI run. Every target sets up what it needs in .venv; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config/hotdesk.toml
DIAGRAM := docs/transitions.md
CAPTURE_SCHEMA := docs/capture.schema.json
EXAMPLE := config/examples/annotated.toml
EXAMPLE_OF := --devices --organisation
WORKERS ?= 4
KILLS ?= 50
PLACES ?= 500
SEED ?= 1
DAYS ?= 100
HOURS ?= 10
PROMTOOL ?= promtool
RUN_PYTHON ?= /usr/bin/python3
# A journal waits for the disk at each commit, and the tests commit thousands of times: they go to memory where 2 GB of it are free.
SCRATCH := $(or $(TMPDIR),$(shell test -w /dev/shm && test $$(df -k --output=avail /dev/shm | tail -n 1) -gt 2000000 && echo /dev/shm),/tmp)
SOURCES := hotdesk_daemon tests $(wildcard bench)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes
# --strip-extras and --allow-unsafe are pip-tools' coming defaults. No header and no addresses: a lock is the same on any machine.
COMPILE := $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
GROUPS_OF := $(VENV)-lock/bin/python -m dependency_groups

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run test golden cover crash broken days check check-format check-lint check-types check-layers check-diagram check-capture-schema bench interop diagram capture-schema format lock install deb unit-security venv venv-dev clean check-alerts check-example example what-if weeks docs

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.run ## run the daemon; as shipped, with a simulated floor of desks
	@exec $(BIN)/hotdesk-daemon run --config $(CONFIG)

test: $(VENV)/.dev ## run the tests on up to WORKERS cores
	@scratch=$$(mktemp -d -p $(SCRATCH)) && trap 'rm -rf "$$scratch"' EXIT && \
		TMPDIR=$$scratch $(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses $(WORKERS) --dist worksteal $(ARGS)

crash: $(VENV)/.dev ## kill the daemon 50 times on a busy floor; KILLS and SEED choose otherwise
	HOTDESK_CRASHES=$(KILLS) HOTDESK_CRASH_SEED=$(SEED) $(BIN)/python -m pytest --quiet tests/scenarios/test_kill.py $(ARGS)

days: $(VENV)/.dev ## capture and replay 100 whole simulated days; DAYS, HOURS and SEED choose otherwise
	HOTDESK_DAYS=$(DAYS) HOTDESK_DAY_HOURS=$(HOURS) HOTDESK_DAY_SEED=$(SEED) HOTDESK_REPLAYS=20 $(BIN)/python -m pytest --quiet \
		--numprocesses auto --maxprocesses $(WORKERS) tests/scenarios/test_replayed_days.py -k socket $(ARGS)

what-if: $(VENV)/.dev ## live a month under one policy and under another, and compare with what was foretold; SEED chooses another
	HOTDESK_WHAT_IF_DAYS=30 HOTDESK_WHAT_IF_SEED=$(SEED) $(BIN)/python -m pytest --quiet \
		--numprocesses auto --maxprocesses $(WORKERS) tests/scenarios/test_what_if_days.py $(ARGS)

weeks: $(VENV)/.dev ## live a week of bad behaviour that is only observed, and a week with a cloud that pushes little
	HOTDESK_OBSERVED_HOURS=168 HOTDESK_REDUCED_DAYS=7 $(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses $(WORKERS) \
		tests/scenarios/test_safety.py tests/scenarios/test_cloud_reduced.py -k "observed or days_converge" $(ARGS)

golden: $(VENV)/.dev ## write down what comes of the golden captures now; review the diff
	HOTDESK_RECORD_GOLDEN=1 $(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) tests/scenarios/test_golden.py
	HOTDESK_WRITE_GOLDEN=1 $(BIN)/python -m pytest --quiet tests/captures/test_golden.py -k agreed

broken: $(VENV)/.dev ## break a journal at 500 places, one after the other; PLACES and SEED choose otherwise
	HOTDESK_BROKEN_PLACES=$(PLACES) HOTDESK_BROKEN_SEED=$(SEED) $(BIN)/python -m pytest --quiet tests/scenarios/test_broken_places.py $(ARGS)

cover: $(VENV)/.dev ## hold core to full branch coverage by its own tests
	$(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses $(WORKERS) tests/core --cov --cov-report=
	$(BIN)/coverage report --include 'hotdesk_daemon/core/*' --fail-under 100

check: check-format check-lint check-types check-layers check-diagram check-capture-schema check-alerts check-example ## format, lint, types, import layers, generated docs, alerts

check-format: $(VENV)/.dev
	$(BIN)/ruff format --check .

check-lint: $(VENV)/.dev
	$(BIN)/ruff check .

check-types: $(VENV)/.dev
	$(BIN)/mypy $(SOURCES)

check-layers: $(VENV)/.dev
	$(BIN)/lint-imports

check-diagram: $(VENV)/.dev
	$(BIN)/python -m hotdesk_daemon.core.diagram --check $(DIAGRAM)

check-capture-schema: $(VENV)/.dev
	$(BIN)/python -m hotdesk_daemon.captures.schema --check $(CAPTURE_SCHEMA)

check-alerts: ## test the alert rules with promtool (of the package prometheus), where there is one
	@if command -v $(PROMTOOL) >/dev/null; then \
		$(PROMTOOL) check rules config/prometheus/hotdesk-daemon.rules.yml && $(PROMTOOL) test rules config/prometheus/tests.yml; \
	else echo "check-alerts: no $(PROMTOOL) here, so when the alerts fire was not tested"; fi

check-example: $(VENV)/.dev
	$(BIN)/hotdesk-daemon init - $(EXAMPLE_OF) | diff -u $(EXAMPLE) -

example: $(VENV)/.run ## write the annotated example configuration from the settings' declarations
	$(BIN)/hotdesk-daemon init $(EXAMPLE) --force $(EXAMPLE_OF)

diagram: $(VENV)/.run ## write the transition diagram in docs/ from the table
	$(BIN)/python -m hotdesk_daemon.core.diagram --write $(DIAGRAM)

capture-schema: $(VENV)/.run ## write the JSON Schema of captures in docs/ from the classes of their lines
	$(BIN)/python -m hotdesk_daemon.captures.schema --write $(CAPTURE_SCHEMA)

format: $(VENV)/.dev ## format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure speed and size beside a bare loop
	$(BIN)/python -m bench $(ARGS)

interop: $(VENV)/.interop ## let other people's clients talk to simulated devices and the simulated cloud
	bash tests/interop/run.sh

docs: $(VENV)/.docs ## build the documentation's site in build/site; a broken link fails
	@PYTHON='$(BIN)/python' sh docs/build

install: $(VENV)/.run ## install below DESTDIR (/ for this machine), for RUN_PYTHON, of the same minor version as PYTHON
	@DESTDIR='$(DESTDIR)' PYTHON='$(CURDIR)/$(BIN)/python' RUN_PYTHON='$(RUN_PYTHON)' sh systemd/install

deb: $(VENV)/.run ## build a Debian package in dist/, for the minor version of PYTHON
	@PYTHON='$(CURDIR)/$(BIN)/python' sh systemd/debian/build

unit-security: ## what systemd says of the units: mistakes, and how much they leave open
	@sh systemd/check

venv: $(VENV)/.run ## set up .venv to run the daemon

venv-dev: $(VENV)/.dev ## set up .venv to work on the daemon

lock: $(VENV)-lock/.ready ## resolve the lock files anew from pyproject.toml; UPGRADE=1 takes newer versions
	mkdir -p requirements
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/run.txt pyproject.toml
	for lock in build:build dev:test,check,bench interop:interop docs:docs; do \
		$(GROUPS_OF) $$(echo $${lock#*:} | tr , ' ') > $(VENV)-lock/$${lock%%:*}.in && \
		case $$lock in \
			dev:*) printf '%s\n' "-r ../requirements/run.txt" "-c ../requirements/build.txt" >> $(VENV)-lock/dev.in;; \
			docs:*) printf '%s\n' "-c ../requirements/dev.txt" >> $(VENV)-lock/docs.in;; \
		esac && \
		(cd $(VENV)-lock && ../$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file ../requirements/$${lock%%:*}.txt \
			--constraint ../requirements/run.txt $${lock%%:*}.in) || exit 1; \
	done

clean: ## remove the virtual environments, caches and build results
	rm -rf $(VENV) $(VENV)-lock build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than the lock it was installed from.
$(VENV)/.run: $(VENV)/pyvenv.cfg requirements/run.txt requirements/build.txt pyproject.toml
	$(INSTALL) -r requirements/run.txt -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(INSTALL) -r requirements/dev.txt
	@touch $@

$(VENV)/.interop: $(VENV)/.dev requirements/interop.txt
	$(INSTALL) -r requirements/interop.txt
	@touch $@

$(VENV)/.docs: $(VENV)/.run requirements/docs.txt
	$(INSTALL) -r requirements/docs.txt
	@touch $@

$(VENV)/pyvenv.cfg:
	@PYTHON='$(PYTHON)' sh .ci/venv $(VENV)

$(VENV)-lock/.ready:
	@PYTHON='$(PYTHON)' sh .ci/venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check --quiet install pip-tools==7.6.2 dependency-groups
	@touch $@
