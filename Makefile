# Every target is a command that a person types; the pipeline's buildspecs call the same ones.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables

# The version is the tag on the commit, or says which commit it is.
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION ?= $(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . || echo 0.0.0-$$(git rev-parse --short HEAD 2>/dev/null || echo unknown))
CREATED ?= $(shell git log -1 --format=%cI 2>/dev/null || echo 1970-01-01T00:00:00Z)

BUILD := .build
TAGS := nomsgpack
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
GO_BUILD = CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# A tool's version and checksums are in .tools/NAME.mod and .tools/NAME.sum; Go builds it on first use.
tool = go tool -modfile=.tools/$(1).mod $(1)

# A Python tool's version and checksums are in .tools/NAME.txt; it is installed on first use, and anew when they change.
$(BUILD)/python/%/installed: .tools/%.txt
	@rm -rf $(@D) && python3 -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

SCRIPTS = $(shell git ls-files -co --exclude-standard | xargs grep -lE '^\#!.*(bash|sh)$$' 2>/dev/null)
YAML = $(shell git ls-files -co --exclude-standard '*.yml' '*.yaml')

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run
.PHONY: run
run: ## Serve on http://127.0.0.1:8080 until Ctrl-C
	@$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror
	@echo 'http://127.0.0.1:'"$${PORT:-8080}"
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} exec $(BUILD)/clockmirror

.PHONY: build
build: ## Build the program into .build/clockmirror
	$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror

##@ Test
.PHONY: test
test: ## Test all that this machine can test
	@$(call tool,gotestsum) --format testname-or-skip --hide-summary=output -- -tags $(TAGS) -timeout 30m ./...

.PHONY: fuzz
fuzz: ## Look for input that breaks the parser, for FUZZTIME
	go test -tags $(TAGS) -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./src/clock
FUZZTIME ?= 20s

.PHONY: bench
bench: build ## Compare a request's cost with bare net/http and bare Gin
	@CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o $(BUILD)/ ./tests/bench ./tests/bench/baseline
	@$(BUILD)/bench $(BUILD)/clockmirror $(BUILD)/baseline

.PHONY: lint
lint: ## Check the style of everything
	$(call tool,golangci-lint) run ./...
	shellcheck $(SCRIPTS)
	yamllint --strict $(YAML)

.PHONY: test-infra
test-infra: ## Test the stacks: alone, and with the real provider on an emulator
	@$(call tool,gotestsum) --format testname-or-skip --hide-summary=output -- -count=1 -timeout 30m ./tests/infra/...

.PHONY: lint-infra
lint-infra: $(BUILD)/python/checkov/installed ## Check the stacks: format, validity, tflint, checkov
	terraform fmt -check -diff -recursive .infra
	@for stack in $(STACKS); do \
	  echo "$$stack"; \
	  terraform -chdir=.infra/$$stack init -backend=false -input=false -lockfile=readonly >/dev/null; \
	  terraform -chdir=.infra/$$stack validate -no-color | tee $(BUILD)/validate.log; \
	  if grep -q Warning $(BUILD)/validate.log; then exit 1; fi; \
	  $(call tool,tflint) --config="$$PWD/.tflint.hcl" --chdir=.infra/$$stack; \
	done
	$(<D)/bin/checkov

##@ Ship
# Where to: ENV, TF_STATE_BUCKET and REGION. TF_FLAGS goes to Terraform as it is, such as -auto-approve.
ENV ?=
TF_STATE_BUCKET ?=
REGION ?= eu-west-1
IMAGE ?=
TF_FLAGS ?=

STACKS = $(sort $(patsubst .infra/%/versions.tf,%,$(wildcard .infra/*/versions.tf)))
need = $(if $($(1)),,$(error Give $(1)=…, for example $(1)=$(2)))

# Terraform on a stack: $(call stack,NAME,COMMAND). The state is in the state bucket, in the workspace of the environment;
# what an environment sets for itself is in .infra/NAME/env/ENV.tfvars.
define stack
$(call need,ENV,prod)$(call need,TF_STATE_BUCKET,acme-clockmirror-state)set -x; \
	terraform -chdir=.infra/$(1) init -input=false -reconfigure -backend-config=bucket=$(TF_STATE_BUCKET) -backend-config=region=$(REGION); \
	terraform -chdir=.infra/$(1) workspace select -or-create $(ENV); \
	terraform -chdir=.infra/$(1) $(2) -var env=$(ENV) -var tf_state_bucket=$(TF_STATE_BUCKET) -var region=$(REGION) \
	  $(if $(wildcard .infra/$(1)/env/$(ENV).tfvars),-var-file=env/$(ENV).tfvars) $(TF_FLAGS)
endef

# The app stack takes the image that runs now; on the very first apply, IMAGE.
define app
$(call need,ENV,prod)TF_VAR_image=$$(AWS_REGION=$(REGION) .infra/app/running-image '$(ENV)' $(IMAGE)); export TF_VAR_image; \
	$(call stack,app,$(1))
endef

.PHONY: bootstrap
bootstrap: ## Make what an account has once: TF_STATE_BUCKET=…
	@$(call need,TF_STATE_BUCKET,acme-clockmirror-state)
	terraform -chdir=.infra/bootstrap init -input=false
	terraform -chdir=.infra/bootstrap apply -var tf_state_bucket=$(TF_STATE_BUCKET) -var region=$(REGION) $(TF_FLAGS)

.PHONY: plan-ecr
plan-ecr: ## Show what apply-ecr would change
	@$(call stack,ecr,plan)

.PHONY: apply-ecr
apply-ecr: ## Make or change the image repository: ENV=… TF_STATE_BUCKET=…
	@$(call stack,ecr,apply)

.PHONY: destroy-ecr
destroy-ecr: ## Destroy the image repository, and the images
	@$(call stack,ecr,destroy)

.PHONY: plan-app
plan-app: ## Show what apply-app would change
	@$(call app,plan)

.PHONY: apply-app
apply-app: ## Make or change the service: ENV=… TF_STATE_BUCKET=…, first with IMAGE=repo@sha256:…
	@$(call app,apply)

.PHONY: destroy-app
destroy-app: ## Destroy the service and all around it
	@export TF_VAR_image=none@sha256:$(shell printf '0%.0s' {1..64}); $(call stack,app,destroy)

##@ Look after
.PHONY: generate
generate: ## Make the API document anew from the annotations
	$(call tool,swag) init --quiet --generalInfo api.go --dir src/api --output src/api/docs --outputTypes go,json

.PHONY: format
format: ## Format the code
	$(call tool,golangci-lint) fmt ./...
	terraform fmt -recursive .infra

.PHONY: swagger-ui
swagger-ui: ## Take in a new Swagger UI from npm: make swagger-ui SWAGGER_UI=5.35.0
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	npm pack --silent --pack-destination "$$folder" 'swagger-ui-dist@$(SWAGGER_UI)' && \
	tar -xzf "$$folder"/*.tgz -C "$$folder" && \
	for file in swagger-ui-bundle.js swagger-ui.css favicon-16x16.png favicon-32x32.png; do \
	  gzip -9nc "$$folder/package/$$file" >"src/api/swaggerui/$$file.gz"; \
	done && \
	gzip -9nc src/api/swagger-ui-preset.js >src/api/swaggerui/swagger-ui-standalone-preset.js.gz
SWAGGER_UI ?= 5.35.0
