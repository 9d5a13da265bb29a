# Every target is a command that a person types; the pipeline's buildspecs call the same ones.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables

# The version is the tag on the commit, or says which commit it is.
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION ?= $(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . || echo 0.0.0-$$(git rev-parse --short HEAD 2>/dev/null || echo unknown))
CREATED ?= $(shell git log -1 --format=%cI 2>/dev/null || echo 1970-01-01T00:00:00Z)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

BUILD := .build
# What the service is made of: all of src but the rehearsal.
SERVICE = $(shell go list ./src/... | grep -v rehears)
# Python tools, each in a folder named after its pins and after Python itself: safe to keep between clones.
VENVS ?= $(CURDIR)/$(BUILD)/python
venv = $(VENVS)/$(1)-$(shell git hash-object .tools/$(1).txt 2>/dev/null)-$(lastword $(shell python3 --version 2>/dev/null))
# Pinned tools come before whatever else the machine has.
export PATH := $(CURDIR)/$(BUILD)/tools/go/bin:$(CURDIR)/$(BUILD)/tools/bin:$(call venv,linters)/bin:$(PATH)
TAGS := nomsgpack
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
GO_BUILD = CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# A tool's version and checksums are in .tools/NAME.mod and .tools/NAME.sum; Go builds it on first use.
tool = go tool -modfile=.tools/$(1).mod $(1)

# Expands to nothing, or stops make with one line that says what to do.
need-docker = $(if $(shell command -v docker || true),$(if $(shell docker version >/dev/null 2>&1 && echo yes || true),,\
	$(error Docker is installed, but its engine does not answer: start it, or see what `docker version` says)),\
	$(error Docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install))

# A Python tool's version and checksums are in .tools/NAME.txt; it is installed on first use, and anew when they change.
$(VENVS)/%/installed:
	@rm -rf $(@D) && python3 -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  --requirement .tools/$(firstword $(subst -, ,$*)).txt
	@mkdir -p $(BUILD)/python && ln -sfn $(@D) $(BUILD)/python/$(firstword $(subst -, ,$*))
	@touch $@

SCRIPTS = $(shell git ls-files -co --exclude-standard | xargs grep -lE '^\#!.*(bash|sh)$$' 2>/dev/null)
YAML = $(shell git ls-files -co --exclude-standard '*.yml' '*.yaml')

##@ Run
.PHONY: run
run: ## Serve on http://127.0.0.1:8080 until Ctrl-C
	@$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror
	@echo 'http://127.0.0.1:'"$${PORT:-8080}"
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} exec $(BUILD)/clockmirror

.PHONY: dev
dev: ## The same, built anew whenever the code changes
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} $(call tool,air)

.PHONY: build
build: ## Build the program into .build/clockmirror
	$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror

IMAGE ?= clockmirror
# linux/amd64 or linux/arm64; empty: what the engine runs on.
PLATFORM ?=
# Another image with Go in it, such as a mirror's; empty: the Dockerfile's.
BASE_IMAGE ?=
# Whatever else `docker build` shall get, such as --no-cache or --network host.
DOCKER_BUILD_FLAGS ?=
PORT ?= 8080

.PHONY: image
image: ## Build the container image IMAGE, for PLATFORM if given
	$(need-docker)
	DOCKER_BUILDKIT=1 docker build --tag '$(IMAGE)' $(if $(PLATFORM),--platform '$(PLATFORM)') \
		$(if $(BASE_IMAGE),--build-arg BASE_IMAGE='$(BASE_IMAGE)') \
		--build-arg VERSION='$(VERSION)' --build-arg REVISION='$(REVISION)' --build-arg CREATED='$(CREATED)' \
		--build-arg SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' $(DOCKER_BUILD_FLAGS) .

# Nobody balances load to it, so there is nobody to wait for when it stops.
.PHONY: image-run
image-run: image ## Serve from a container, sealed as in production
	docker run --rm --publish '127.0.0.1:$(PORT):8080' --env DRAIN_DELAY=0s --env LOG_FORMAT=text --memory 64m \
		--read-only --cap-drop ALL --security-opt no-new-privileges '$(IMAGE)'

.PHONY: customers
customers: ## Serve one container per customer, ask each by its host name
	$(need-docker)
	CI=$${CI:-true} go test -count=1 -v ./tests/image/customers # CI: whatever is missing is a failure and not a skip

##@ Test
# Never from the cache: what a black-box test builds and starts is not known to it.
.PHONY: test
test: ## Test all that this machine can test
	@$(call tool,gotestsum) --format pkgname -- -count=1 -tags $(TAGS) -timeout 30m ./...

# Of the statements of src. What the black-box tests run counts, as they are how the API is tested.
COVERAGE_MIN ?= 80

.PHONY: unit-test
unit-test: ## Test the program with the race detector, at COVERAGE_MIN %
	@rm -rf $(BUILD)/reports/coverage && mkdir -p $(BUILD)/reports/coverage
	COVERAGE_DIR=$(CURDIR)/$(BUILD)/reports/coverage $(call tool,gotestsum) --format pkgname-and-test-fails \
	  --junitfile $(BUILD)/reports/unit-tests.xml -- -count=1 -race -tags $(TAGS) -cover -covermode atomic -coverpkg "$$(echo $(SERVICE) | tr ' ' ,)" \
	  $(SERVICE) ./tests/service/api -args -test.gocoverdir=$(CURDIR)/$(BUILD)/reports/coverage
	@go tool covdata textfmt -i=$(BUILD)/reports/coverage -o=$(BUILD)/reports/coverage.out
	@$(call tool,gocover-cobertura) -by-files <$(BUILD)/reports/coverage.out >$(BUILD)/reports/coverage.xml
	@go tool cover -func $(BUILD)/reports/coverage.out | awk -v least=$(COVERAGE_MIN) '/^total:/ { sub(/%/, "", $$3); \
	  printf "coverage %s %%, at least %s %% is asked for\n", $$3, least; exit $$3 + 0 < least + 0 }'

.PHONY: fuzz
fuzz: ## Look for input that breaks the parser, for FUZZTIME
	go test -tags $(TAGS) -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./src/clock
FUZZTIME ?= 20s

.PHONY: bench
bench: build ## Compare a request's cost with bare net/http and bare Gin
	@CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o $(BUILD)/ ./tests/service/bench ./tests/service/bench/baseline
	@$(BUILD)/bench $(BUILD)/clockmirror $(BUILD)/baseline

.PHONY: rollout
rollout: ## Replace running containers under load, ten times
	$(need-docker)
	ROLLOUT_ROUNDS=$${ROLLOUT_ROUNDS:-10} go test -count=1 -timeout 20m -v ./tests/image/rollout

.PHONY: chart
chart: ## Check the Helm chart: lint, golden manifests, schemas
	CI=$${CI:-true} go test -count=1 ./tests/kubernetes/chart

# KUBECONFIG names the cluster; K8S_LOAD_IMAGE is what gives it an image, such as 'kind load docker-image'.
.PHONY: k8s
k8s: chart ## Install the chart in a cluster, upgrade under load, roll back
	$(need-docker)
	CI=$${CI:-true} go test -count=1 -timeout 20m -v ./tests/kubernetes/cluster

.PHONY: image-test
image-test: ## Test the image IMAGE, started as in production
	$(need-docker)
	@mkdir -p $(BUILD)/reports
	@container=$$(docker run --detach --publish 127.0.0.1::8080 --memory 64m --read-only --cap-drop ALL \
	  --security-opt no-new-privileges '$(IMAGE)'); \
	trap 'docker logs "$$container" >$(BUILD)/reports/image-test.log 2>&1; docker rm --force "$$container" >/dev/null' EXIT; \
	url=http://$$(docker port "$$container" 8080/tcp | head -1); \
	curl --silent --fail --retry 30 --retry-delay 1 --retry-all-errors --output /dev/null "$$url/readyz"; \
	CLOCKMIRROR_URL=$$url $(call tool,gotestsum) --format pkgname-and-test-fails \
	  --junitfile $(BUILD)/reports/image-tests.xml -- -count=1 -tags $(TAGS) ./tests/service/api

.PHONY: lint
lint: $(call venv,linters)/installed ## Check the style of code, scripts, YAML and the chart
	go mod tidy -diff
	$(call tool,golangci-lint) config verify
	$(call tool,golangci-lint) run ./...
	shellcheck $(SCRIPTS)
	yamllint --strict $(YAML)
	$(call tool,helm) lint --strict --quiet .infra/helm/clockmirror

.PHONY: lint-infra
lint-infra: $(call venv,checkov)/installed ## Check the stacks: format, validity, tflint, checkov
	terraform fmt -check -diff -recursive .infra
	@for stack in $(STACKS); do \
	  echo "$$stack"; \
	  terraform -chdir=.infra/$$stack init -backend=false -input=false -lockfile=readonly >/dev/null; \
	  terraform -chdir=.infra/$$stack validate -no-color | tee $(BUILD)/validate.log; \
	  if grep -q Warning $(BUILD)/validate.log; then exit 1; fi; \
	  $(call tool,tflint) --config="$$PWD/.tflint.hcl" --chdir=.infra/$$stack; \
	done
	$(<D)/bin/checkov

.PHONY: lint-image
lint-image: $(call venv,linters)/installed ## Check the Dockerfile
	hadolint --failure-threshold info Dockerfile

.PHONY: check-generated
check-generated: ## Check that what is generated and committed is fresh
	go test -count=1 -tags $(TAGS) ./tests/docs/generated

.PHONY: secrets
secrets: ## Look for secrets in the history, and in what is not committed
	$(call tool,gitleaks) git --no-banner --redact --verbose .
	$(call tool,gitleaks) git --no-banner --redact --verbose --pre-commit .

# In CodeBuild the database has to be reached; elsewhere one line says that it was not.
VULNERABILITIES_REQUIRED ?= $(shell echo "$${CODEBUILD_BUILD_ID:-}")

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what the program calls
	@if curl --silent --fail --max-time 20 --output /dev/null "$${GOVULNDB:-https://vuln.go.dev}/index/db.json"; then \
	  $(call tool,govulncheck) -db "$${GOVULNDB:-https://vuln.go.dev}" -tags $(TAGS) $(SERVICE); \
	elif [[ -n '$(VULNERABILITIES_REQUIRED)' ]]; then \
	  echo 'vulnerabilities: the database https://vuln.go.dev is out of reach, so nothing is known' >&2; exit 1; \
	else \
	  echo 'vulnerabilities: NOT CHECKED, as the database https://vuln.go.dev is out of reach'; \
	fi

##@ Ship
# Where to: ENV, TF_STATE_BUCKET and REGION. TF_FLAGS goes to Terraform as it is, such as -auto-approve.
ENV ?=
TF_STATE_BUCKET ?=
REGION ?= eu-west-1
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
$(call need,ENV,prod)TF_VAR_image=$$(AWS_REGION=$(REGION) .infra/app/running-image '$(ENV)' $(if $(findstring @sha256:,$(IMAGE)),'$(IMAGE)')); export TF_VAR_image; \
	$(call stack,app,$(1))
endef

# Terraform takes a deployment that ECS rolled back for a good one.
check-deployed = AWS_REGION=$(REGION) .infra/app/check-deployed '$(ENV)' $$(terraform -chdir=.infra/app output -json task_definition_arns | jq --raw-output '.[]')

.PHONY: bootstrap
bootstrap: ## Make what an account has once: TF_STATE_BUCKET=…
	@$(call need,TF_STATE_BUCKET,acme-clockmirror-state)
	terraform -chdir=.infra/bootstrap init -input=false
	terraform -chdir=.infra/bootstrap apply -var tf_state_bucket=$(TF_STATE_BUCKET) -var region=$(REGION) $(TF_FLAGS)

.PHONY: plan-ecr apply-ecr destroy-ecr
plan-ecr apply-ecr destroy-ecr: %-ecr: ## Image repository: ENV=… TF_STATE_BUCKET=…
	@$(call stack,ecr,$*)

.PHONY: plan-app apply-app destroy-app
plan-app apply-app destroy-app: ## Service: the same, and first IMAGE=…
plan-app apply-app: %-app:
	@$(call app,$*)$(if $(filter apply,$*),; $(check-deployed))

destroy-app:
	@export TF_VAR_image=none@sha256:$(shell printf '0%.0s' {1..64}); $(call stack,app,destroy)

REPOSITORY ?=
CONNECTION_ARN ?=

.PHONY: plan-cicd apply-cicd destroy-cicd
plan-cicd apply-cicd destroy-cicd: %-cicd: ## Pipeline: and REPOSITORY=… CONNECTION_ARN=…
	@$(call need,REPOSITORY,acme/clockmirror)$(call need,CONNECTION_ARN,arn:aws:codeconnections:…)export TF_VAR_repository='$(REPOSITORY)' TF_VAR_connection_arn='$(CONNECTION_ARN)'; \
	$(call stack,cicd,$*)

# Of COMMIT, in this checkout. What the pipeline would find in AWS is on this machine: see src/rehearsal.
COMMIT ?= HEAD

.PHONY: rehearse
rehearse: ## Take COMMIT (HEAD) through the pipeline on this machine
	@go build -o $(BUILD)/rehearse ./src/cmd/rehearse
	@exec $(BUILD)/rehearse '$(COMMIT)'

.PHONY: rehearse-remote
rehearse-remote: ## Make the remote `rehearsal`: git push rehearsal master
	@git init --quiet --bare $(BUILD)/rehearsal/remote.git
	@ln -sf ../../../../src/rehearsal/post-receive $(BUILD)/rehearsal/remote.git/hooks/post-receive
	@git remote remove rehearsal 2>/dev/null || true
	git remote add rehearsal $(BUILD)/rehearsal/remote.git

.PHONY: roll-back
roll-back: ## Put an image that is still kept back: ENV=… IMAGE_TAG=…
	@AWS_REGION='$(REGION)' .infra/app/roll-back '$(ENV)' '$(IMAGE_TAG)'
IMAGE_TAG ?=

.PHONY: url
url: ## Print the URL of the service
	@terraform -chdir=.infra/app output -raw alb_url

.PHONY: verify
verify: ## Wait until IMAGE runs, then test CLOCKMIRROR_URL: ENV=…
	@mkdir -p $(BUILD)/reports
	@if ! AWS_REGION='$(REGION)' .infra/app/await-image '$(ENV)' '$(IMAGE)' || \
	  ! $(call tool,gotestsum) --format pkgname-and-test-fails --junitfile $(BUILD)/reports/api-tests.xml -- -count=1 -tags $(TAGS) ./tests/service/api; then \
	  curl --silent --max-time 10 "$$CLOCKMIRROR_URL/health" | \
	    jq --raw-output '"verify: at this moment version \(.version), revision \(.revision), answers"' >&2 || \
	    echo "verify: at this moment nothing answers at $$CLOCKMIRROR_URL/health" >&2; \
	  exit 1; \
	fi

.PHONY: image-archive
image-archive: ## Save the image IMAGE as .build/image/image.tar
	$(need-docker)
	@mkdir -p $(BUILD)/image
	docker save --output $(BUILD)/image/image.tar '$(IMAGE)'

.PHONY: sbom
sbom: ## Write the bill of materials of the image IMAGE beside it
	$(need-docker)
	@mkdir -p $(BUILD)/image
	@container=$$(docker create '$(IMAGE)'); trap 'docker rm "$$container" >/dev/null' EXIT; \
	docker cp "$$container:/clockmirror" $(BUILD)/image/clockmirror
	$(call tool,cyclonedx-gomod) bin -json -std -version '$(VERSION)' -output $(BUILD)/image/sbom.json $(BUILD)/image/clockmirror
	@jq '.metadata.component.properties += [{ name: "clockmirror:revision", value: "$(REVISION)" }]' \
	  $(BUILD)/image/sbom.json >$(BUILD)/image/sbom.cdx.json

# The commit's SHA, and on a release its version. A tag that is no semantic version is no release.
RELEASE = $(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$$')
ARTIFACT ?= $(BUILD)/image
# What the ecr stack made, unless another registry is given.
IMAGE_REPOSITORY ?= $(shell terraform -chdir=.infra/ecr output -raw repository_url)
IMAGE_ID ?= $(shell .infra/ecr/image-id '$(ARTIFACT)/image.tar')

.PHONY: keep-running
keep-running: ## Mark the images that run, so that ECR keeps them: ENV=…
	@AWS_REGION='$(REGION)' .infra/ecr/keep-running '$(ENV)' '$(IMAGE_REPOSITORY)'

.PHONY: push-image
push-image: ## Push the saved image, and its bill of materials
	@mkdir -p $(BUILD)/deploy
	@image=$$(.infra/ecr/push-image '$(IMAGE_REPOSITORY)' '$(ARTIFACT)/image.tar' '$(IMAGE_ID)' '$(ARTIFACT)/sbom.cdx.json' \
	  '$(REVISION)' $(RELEASE)); \
	jq --null-input --arg image "$$image" '[{ name: "api", imageUri: $$image }]' | tee $(BUILD)/deploy/imagedefinitions.json

##@ Look after
.PHONY: hooks
hooks: hook-tools ## Check each commit before it is made, from now on
	@$(BUILD)/python/hooks/bin/lefthook install

.PHONY: hook-tools
hook-tools: $(call venv,hooks)/installed $(call venv,linters)/installed

.PHONY: format
format: ## Format the code and the stacks
	$(call tool,golangci-lint) fmt ./...
	terraform fmt -recursive .infra

.PHONY: generate
generate: ## Make the API document anew from the annotations
	$(call tool,swag) init --quiet --generalInfo api.go --dir src/api --output src/api/docs --outputTypes go,json

.PHONY: golden
golden: ## Make the golden manifests anew from the Helm chart
	UPDATE_GOLDEN=true go test -count=1 -run TestGolden ./tests/kubernetes/chart

.PHONY: swagger-ui
swagger-ui: ## Take in a new Swagger UI from npm: SWAGGER_UI=5.35.0
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	npm pack --silent --pack-destination "$$folder" 'swagger-ui-dist@$(SWAGGER_UI)' && \
	tar -xzf "$$folder"/*.tgz -C "$$folder" && \
	for file in swagger-ui-bundle.js swagger-ui.css favicon-16x16.png favicon-32x32.png; do \
	  gzip -9nc "$$folder/package/$$file" >"src/api/swaggerui/$$file.gz"; \
	done && \
	gzip -9nc src/api/swagger-ui-preset.js >src/api/swaggerui/swagger-ui-standalone-preset.js.gz
SWAGGER_UI ?= 5.35.0

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{printf "%s%s\n", separator, substr($$0, 5); separator = "\n"} \
	  /^[a-z][a-z0-9 -]*:.*## /{printf "  %-15s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
