# Every task of the project, for people and CI.
.DEFAULT_GOAL := help
.PHONY: alarm-histories help tools page screenshots format lint types fresh quick schemas docs test check manifests up down images-tar images-push pi-image pi-test api-key e2e train benchmarks rotate-certificates faults promote rollback

SHELL := /bin/bash
# The images of the tests; those of a stack are tagged with its project's name. Not a variable of the target `faults`: it
# would hide the environment's IDC_TAG from every other target.
FAULTS_TAG = $(or $(IDC_TAG),0.1.0)
UV = $(shell command -v uv || echo .tools/bin/uv)
RUN = $(UV) run --frozen --all-packages
SOURCES = packages services tests benchmarks scripts k8s

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-20s %s\n", $$1, $$2}'

tools: ## install what the other tasks need: uv, Mosquitto, Chromium, the Python environment
	@scripts/install_tools.sh

page: tools ## build the gateway's page, where its sources changed
	@scripts/build_page.sh

test: page ## unit, contract and integration tests; needs no container engine
	@scripts/test.sh

lint: tools ## check format, lint and the lock files
	$(UV) lock --check
	$(RUN) ruff format --check $(SOURCES)
	$(RUN) ruff check $(SOURCES)

format: tools ## rewrite the sources in the project's format
	$(RUN) ruff format $(SOURCES)
	$(RUN) ruff check --fix $(SOURCES)

types: tools ## strict type check, of the page too, whose lint is part of it
	$(RUN) mypy packages/*/src services/*/src
	@scripts/build_page.sh check

fresh: tools ## check that what is generated is committed as the code has it
	$(RUN) pytest -q tests/contract/test_generated_documents.py tests/contract/test_openapi_document.py tests/contract/test_reference_pages.py

quick: SINCE ?= main
quick: lint types ## lint, types, and the tests of what changed since main (or SINCE), as many as run in half a minute
	@tests=$$($(RUN) python scripts/changed_tests.py --since $(SINCE)) && if [ -n "$$tests" ]; then $(RUN) pytest -q -n "$$(nproc)" --dist loadfile $$tests; fi

schemas: tools ## write what is generated from the code: schemas, AsyncAPI, OpenAPI, access rules, reference pages
	$(RUN) python -m idc_contracts.export .
	$(RUN) python -m idc_gateway.openapi docs/reference/openapi.json
	$(RUN) python scripts/generate_reference.py

docs: schemas ## build the documents as a website in var/site; it needs no network to read
	@scripts/install_tools.sh docs
	NO_MKDOCS_2_WARNING=1 $(UV) run --frozen --only-group docs mkdocs build --strict --quiet
	@echo "open var/site/index.html"

manifests: ## build every Kubernetes overlay and component, validate and lint them; installs what it needs
	@scripts/install_tools.sh manifests
	$(RUN) pytest tests/manifests -q

check: lint types test ## lint, types and all tests that need no containers

up: ## build and start the stack; wait until it is healthy
	@docker compose up --build --wait || { docker compose logs --no-log-prefix --tail 20 bootstrap; exit 1; }
	@echo "open $$(docker compose exec -T gateway printenv GATEWAY_PUBLIC_URL) and sign in with: make api-key"

down: ## stop the stack; volumes with results, keys and certificates stay
	docker compose down

api-key: ## print the running stack's first API key
	@docker compose exec -T gateway cat /run/secrets/idc/api-key

rotate-certificates: ## renew the certificates of the running stack; nobody is disconnected
	docker compose run --rm --no-deps bootstrap bootstrap.sh /secrets rotate

screenshots: tools ## take pictures of each view of the running stack into docs/images; options in SCREENSHOTS
	@IDC_API_KEY="$${IDC_API_KEY:-$$(docker compose exec -T gateway cat /run/secrets/idc/api-key)}" $(RUN) python scripts/take_screenshots.py $(SCREENSHOTS)

e2e: page ## build the images and test a stack of them; needs a container engine
	$(RUN) pytest tests/e2e -q -m e2e --timeout=1800

faults: tools ## build the images, break a stack of them in every way, write the table of reliability.md
	IDC_TAG=$(FAULTS_TAG) docker compose build broker inference gateway alarm
	IDC_TAG=$(FAULTS_TAG) docker compose -f docker-compose.yml -f tests/faults/docker-compose.clock.yml build broker gateway alarm
	IDC_TAG=$(FAULTS_TAG) IDC_FAULTS_REPORT=docs/explanation/reliability.md $(RUN) pytest tests/faults -q -m faults --timeout=1200

ARCH ?= $(subst x86_64,amd64,$(subst aarch64,arm64,$(shell uname -m)))
IMAGES ?=

images-tar: ## build the images for a node's processor (ARCH=amd64 or arm64), and save them as var/images/idc-sentinel-…-ARCH.tar
	@scripts/build_images.sh tar "$(ARCH)" $(IMAGES)

images-push: ## build the images for amd64 and arm64, and push them to REGISTRY
	@scripts/build_images.sh push "$(REGISTRY)" $(IMAGES)

pi-image: ## build the alarm's image for a Raspberry Pi (arm64), as idc-sentinel/alarm:0.1.0-arm64
	@scripts/install_pi_tools.sh
	@scripts/build_images.sh load arm64 alarm

pi-test: tools ## run every arm64 image under QEMU, and the alarm's on an emulated Raspberry Pi 3; needs a container engine
	@scripts/install_pi_tools.sh
	$(RUN) pytest tests/pi -q -m pi

train: ## train on IDC_DATA_DIR (default ./data) as your own account; writes a candidate below ./models; more options in TRAIN
	docker compose run --rm --build --user "$$(id -u):$$(id -g)" trainer train --data /data --out /models $(TRAIN)

NAME ?= idc

promote: ## compare the newest candidate (of the model NAME) with the serving model; it serves unless it is worse; options in PROMOTE
	docker compose run --rm --build --user "$$(id -u):$$(id -g)" trainer promote /models/.candidates/$(NAME) --data /data --by "$$(id -un)" $(PROMOTE)

rollback: ## let the version before serve again; options in ROLLBACK
	docker compose run --rm --build --user "$$(id -u):$$(id -g)" trainer rollback /models/$(NAME) --by "$$(id -un)" $(ROLLBACK)

alarm-histories: tools ## check the alarm's state machine over 10,000 generated histories
	ALARM_HISTORIES=10000 $(RUN) pytest tests/unit/alarm/test_alarm_policy.py -q --timeout=3600

benchmarks: tools ## run every benchmark in its quick form
	@for program in benchmarks/*.py; do echo "== $$program"; $(RUN) python "$$program" --quick || exit 1; done
