# Commands for people; the pipeline's buildspecs call the same ones.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables
.PHONY: docker hook-tools python-tools lint-stacks checkov $(shell sed -n 's/^\([a-z][a-z0-9 -]*\):.*## .*/\1/p' $(MAKEFILE_LIST))

# The version is the tag on the commit, or says which commit it is.
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION ?= $(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . || echo 0.0.0-$$(git rev-parse --short HEAD 2>/dev/null || echo unknown))
CREATED ?= $(shell git log -1 --format=%cI 2>/dev/null || echo 1970-01-01T00:00:00Z)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# The image. PLATFORM is linux/amd64 or linux/arm64 (empty: the engine's own), BASE_IMAGE another image that has Go (empty: the
# Dockerfile's), DOCKER_BUILD_FLAGS more flags for `docker build`, such as --no-cache.
IMAGE ?= clockmirror
PLATFORM ?=
BASE_IMAGE ?=
DOCKER_BUILD_FLAGS ?=
PORT ?= 8080
# Pushing it: the saved image, to the repository of the ecr stack. A tag that is not a semantic version is not a release.
ARTIFACT ?= $(BUILD)/image
IMAGE_ID ?= $(shell .infra/ecr/image-id '$(ARTIFACT)/image.tar')
IMAGE_REPOSITORY ?= $(shell $(MAKE) image-repository)
DEFINITIONS ?=
RELEASE = $(shell git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null | grep -E '^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$$')
# The environment and its stacks. TF_FLAGS goes to Terraform unchanged, such as -auto-approve.
STACKS = $(sort $(patsubst .infra/%/versions.tf,%,$(wildcard .infra/*/versions.tf)))
ENV ?=
TF_STATE_BUCKET ?=
REGION ?= eu-west-1
TF_FLAGS ?=
REPOSITORY ?=
CONNECTION_ARN ?=
IMAGE_TAG ?=
# Checks. The vulnerability database must be reachable in CodeBuild.
COMMIT ?= HEAD
COVERAGE_MIN ?= 80
FUZZTIME ?= 20s
SOAK_DURATION ?= 5m
SWAGGER_UI ?= 5.35.0
VULNERABILITIES_REQUIRED ?= $(shell echo "$${CODEBUILD_BUILD_ID:-}")
BUILD := .build
# The service's packages: those of src but the rehearsal's.
SERVICE = $(shell go list -find ./src/... | grep -v rehears)
# Python tools, in the toolbox or here, each in a folder named after its pins and after Python itself: safe to keep between clones.
TOOLBOX ?=
VENVS ?= $(or $(TOOLBOX),$(CURDIR)/$(BUILD))/python
venv = $(VENVS)/$(1)-$(shell git hash-object .tools/$(1).txt 2>/dev/null)-$(lastword $(shell python3 --version 2>/dev/null))
# Pinned tools come before the machine's own.
export PATH := $(CURDIR)/$(BUILD)/tools/go/bin:$(CURDIR)/$(BUILD)/tools/bin:$(call venv,linters)/bin:$(PATH)
TAGS := nomsgpack
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
GO_BUILD = CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# A tool's version and checksums are in .tools/NAME.mod and .tools/NAME.sum; Go builds it on first use.
tool = .tools/go-tool $(1)

# Expands to nothing, or stops make with one line that says what to do.
need-docker = $(if $(shell command -v docker || true),$(if $(shell docker version >/dev/null 2>&1 && echo yes || true),,\
	$(error Docker is installed, but its engine does not answer: start it, or see what `docker version` says)),\
	$(error Docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install))
docker: ; $(need-docker)
# A Python tool's version and checksums are in .tools/NAME.txt; it is installed on first use, and again when they change.
$(VENVS)/%/installed:
	@.tools/venv '$(firstword $(subst -, ,$*))' '$(@D)'
SCRIPTS = $(shell git ls-files -co --exclude-standard | xargs grep -lE '^\#!.*(bash|sh)$$' 2>/dev/null)
YAML = $(shell git ls-files -co --exclude-standard '*.yml' '*.yaml')

##@ Run
run: ## Serve on http://127.0.0.1:8080 until Ctrl-C
	@$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror
	@echo 'http://127.0.0.1:'"$${PORT:-8080}"
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} exec $(BUILD)/clockmirror
dev: ## The same, rebuilt whenever the code changes
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} $(call tool,air)
build: ## Build the program into .build/clockmirror
	$(GO_BUILD) -o $(BUILD)/clockmirror ./src/cmd/clockmirror
image: docker ## Build the container image IMAGE, for PLATFORM if given
	DOCKER_BUILDKIT=1 docker build --tag '$(IMAGE)' $(if $(PLATFORM),--platform '$(PLATFORM)') \
		$(if $(BASE_IMAGE),--build-arg BASE_IMAGE='$(BASE_IMAGE)') \
		--build-arg VERSION='$(VERSION)' --build-arg REVISION='$(REVISION)' --build-arg CREATED='$(CREATED)' \
		--build-arg SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' $(DOCKER_BUILD_FLAGS) .
image-run: image ## Serve from a container, restricted as in production
	docker run --rm --publish '127.0.0.1:$(PORT):8080' --env DRAIN_DELAY=0s --env LOG_FORMAT=text --memory 64m \
		--read-only --cap-drop ALL --security-opt no-new-privileges '$(IMAGE)'
customers: docker ## Serve one container per customer, ask each by its host name
	CI=$${CI:-true} go test -count=1 -v ./tests/image/customers

##@ Test
test: ## Run every test that this machine can run
	@.tools/test '$(TAGS)'
unit-test: ## Test the program with the race detector, at COVERAGE_MIN %
	.tools/unit-test '$(TAGS)' '$(COVERAGE_MIN)' $(SERVICE)
fuzz: ## Look for input that breaks a parser, for FUZZTIME each
	@.tools/fuzz '$(TAGS)' '$(FUZZTIME)'
soak: ## Mix hostile clients for SOAK_DURATION, look for leaks
	SOAK_DURATION=$(SOAK_DURATION) go test -count=1 -timeout 0 -v ./tests/service/soak
bench: build ## Compare a request's cost with bare net/http and bare Gin
	@CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -o $(BUILD)/ ./tests/service/bench ./tests/service/bench/baseline
	@$(BUILD)/bench $(BUILD)/clockmirror $(BUILD)/baseline
rollout: docker ## Replace running containers under load, ten times
	ROLLOUT_ROUNDS=$${ROLLOUT_ROUNDS:-10} go test -count=1 -timeout 20m -v ./tests/image/rollout
chart: ## Check the Helm chart: lint, golden manifests, schemas
	CI=$${CI:-true} go test -count=1 ./tests/kubernetes/chart
# KUBECONFIG names the cluster; K8S_LOAD_IMAGE is what gives it an image, such as 'kind load docker-image'.
k8s: docker chart ## Install the chart in a cluster, upgrade under load, roll back
	CI=$${CI:-true} go test -count=1 -timeout 20m -v ./tests/kubernetes/cluster
image-test: docker ## Test the image IMAGE, started as in production
	.tools/image-test '$(TAGS)' '$(IMAGE)'
lint: $(call venv,linters)/installed ## Check the style of code, scripts, YAML and the chart
	go mod tidy -diff
	$(call tool,golangci-lint) config verify
	$(call tool,golangci-lint) run ./...
	shellcheck $(SCRIPTS)
	yamllint --strict $(YAML)
	$(call tool,helm) lint --strict --quiet .infra/helm/clockmirror
lint-infra: lint-stacks checkov ## Check the stacks: format, validity, tflint, checkov
lint-stacks:
	.tools/lint-stacks $(STACKS)
checkov: $(call venv,checkov)/installed
	$(<D)/bin/python .tools/run-checkov $(<D)/bin/checkov
lint-image: $(call venv,linters)/installed ## Check the Dockerfile
	hadolint --failure-threshold info Dockerfile .tools/Dockerfile
check-generated: ## Check that what is generated and committed is fresh
	go test -count=1 -tags $(TAGS) ./tests/docs/generated
secrets: ## Look for secrets in the history and in uncommitted changes
	$(call tool,gitleaks) git --no-banner --redact --verbose .
	$(call tool,gitleaks) git --no-banner --redact --verbose --pre-commit .
static-analysis: $(call venv,linters)/installed ## All of these checks, side by side
	@.tools/checks lint lint-stacks checkov lint-image check-generated secrets
vulnerabilities: ## Look for known vulnerabilities in what the program calls
	@.tools/vulnerabilities '$(TAGS)' '$(VULNERABILITIES_REQUIRED)' $(SERVICE)

##@ Ship
need = $(if $($(1)),,$(error Give $(1)=…, for example $(1)=$(2)))

# Terraform on a stack of the environment: $(call stack,NAME,COMMAND).
stack = $(call need,ENV,prod)$(call need,TF_STATE_BUCKET,acme-clockmirror-state)\
	.infra/terraform $(1) '$(ENV)' '$(TF_STATE_BUCKET)' '$(REGION)' $(2) $(TF_FLAGS)

bootstrap: ## Create what an account has once: TF_STATE_BUCKET=…
	@$(call need,TF_STATE_BUCKET,acme-clockmirror-state)
	terraform -chdir=.infra/bootstrap init -input=false
	terraform -chdir=.infra/bootstrap apply -var tf_state_bucket=$(TF_STATE_BUCKET) -var region=$(REGION) $(TF_FLAGS)
plan-ecr apply-ecr destroy-ecr plan-outside apply-outside destroy-outside: ## Image repository, check from outside: ENV=… TF_STATE_BUCKET=…
	@$(call stack,$(lastword $(subst -, ,$@)),$(firstword $(subst -, ,$@)))
plan-app apply-app destroy-app: ## Service: the same, and first IMAGE=…
plan-app apply-app: %-app:
	@$(call need,ENV,prod)TF_VAR_image=$${RUNNING_IMAGE:-$$(AWS_REGION='$(REGION)' .infra/app/running-image '$(ENV)' $(if $(findstring @sha256:,$(IMAGE)),'$(IMAGE)'))}; \
	export TF_VAR_image; $(call stack,app,$*)$(if $(filter apply,$*),; \
	AWS_REGION='$(REGION)' .infra/app/check-deployed '$(ENV)' $$(.infra/app/applied-revisions))
destroy-app:
	@export TF_VAR_image=none@sha256:$(shell printf '0%.0s' {1..64}); $(call stack,app,destroy)
plan-cicd apply-cicd destroy-cicd: %-cicd: ## Pipeline: and REPOSITORY=… CONNECTION_ARN=…
	@$(call need,REPOSITORY,acme/clockmirror)$(call need,CONNECTION_ARN,arn:aws:codeconnections:…)\
	export AWS_REGION='$(REGION)' TF_VAR_repository='$(REPOSITORY)' TF_VAR_connection_arn='$(CONNECTION_ARN)'; \
	TF_VAR_toolbox_digest=$$(.infra/cicd/toolbox '$(ENV)'); export TF_VAR_toolbox_digest; $(call stack,cicd,$*)$(if $(filter apply,$*),; \
	digest=$$(.infra/cicd/toolbox '$(ENV)' build); [[ $$digest == "$$TF_VAR_toolbox_digest" ]] || { TF_VAR_toolbox_digest=$$digest; $(call stack,cicd,apply); })
toolbox: docker ## Make the image in which the pipeline and `make rehearse` work
	@.tools/toolbox
rehearse: docker ## Take COMMIT (HEAD) through the pipeline on this machine
	@exec .tools/rehearse '$(COMMIT)'
rehearse-remote: ## Make the remote `rehearsal`: git push rehearsal master
	@.tools/rehearse-remote
prove: ## Prove the path in your AWS account: a throw-away environment
	@exec .infra/prove
release: ## Move the changelog's entries, tag, push: ENV=… VERSION=…
	@AWS_REGION='$(REGION)' .tools/release '$(if $(filter file,$(origin VERSION)),,$(VERSION))' '$(ENV)'
roll-back: ## Deploy an older image again: ENV=… IMAGE_TAG=…
	@AWS_REGION='$(REGION)' .infra/app/roll-back '$(ENV)' '$(IMAGE_TAG)'
url image-repository: ## Print the URL of the service, the image repository
	@terraform -chdir=.infra/$(if $(filter url,$@),app output -raw alb_url,ecr output -raw repository_url)
bake verify accept: ## Wait for IMAGE, test one box or all, by API or browser
	@AWS_REGION='$(REGION)' .tools/verify '$(TAGS)' '$(ENV)' '$(IMAGE)' '$@'
verify-running: ## Say what runs, and who built and signed it: ENV=…
	@AWS_REGION='$(REGION)' .infra/app/verify-running '$(ENV)'
reproduce: docker ## Build the commit of IMAGE again and compare: repo@sha256:…
	@.tools/reproduce '$(IMAGE)'
image-archive: docker ## Save the image IMAGE as .build/image/image.tar
	mkdir -p $(BUILD)/image && docker save --output $(BUILD)/image/image.tar '$(IMAGE)'
sbom: docker ## Write the bill of materials of the image IMAGE beside it
	.tools/sbom '$(IMAGE)' '$(VERSION)' '$(REVISION)'
image-artifacts: docker ## Test the image, save it, write its SBOM: side by side
	@.tools/checks image-test image-archive sbom
check-sbom: ## Check licences and known vulnerabilities of the SBOM
	@.tools/check-sbom '$(ARTIFACT)/sbom.cdx.json' '$(VULNERABILITIES_REQUIRED)'
keep-running: ## Mark the images that run, so that ECR keeps them: ENV=…
	@AWS_REGION='$(REGION)' .infra/ecr/keep-running '$(IMAGE_REPOSITORY)' $(or $(ENVIRONMENTS),'$(ENV)')
push-image: ## Push the saved image
	@mkdir -p $(BUILD)/deploy
	@image=$$(.infra/ecr/push-image '$(IMAGE_REPOSITORY)' '$(ARTIFACT)/image.tar' '$(IMAGE_ID)' '$(REVISION)' $(RELEASE)); \
	jq --null-input --arg image "$$image" '[{ name: "api", imageUri: $$image }]' | tee $(BUILD)/deploy/imagedefinitions.json
sign-image: ## Sign the pushed IMAGE with the pipeline's key: ENV=…
	@AWS_REGION='$(REGION)' .infra/ecr/sign-image '$(ENV)' '$(IMAGE)' '$(IMAGE_ID)' '$(ARTIFACT)/sbom.cdx.json' \
	  VERSION='$(VERSION)' REVISION='$(REVISION)' CREATED='$(CREATED)' SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)'
verify-image: ## Refuse IMAGE unless the pipeline built and signed it: ENV=…
	@AWS_REGION='$(REGION)' .infra/ecr/verify-image '$(ENV)' '$(IMAGE)' $(if $(DEFINITIONS),'$(DEFINITIONS)')

##@ Maintain
new: ## Make a service of your own: NAME=… MODULE=… INTO=…
	@.tools/new
hooks: hook-tools ## Check each commit before it is made
	@$(BUILD)/python/hooks/bin/lefthook install
hook-tools: $(call venv,hooks)/installed $(call venv,linters)/installed
	@mkdir -p $(BUILD)/python && ln -sfn $(call venv,hooks) $(BUILD)/python/hooks && ln -sfn $(call venv,linters) $(BUILD)/python/linters
python-tools: $(foreach pins,hooks linters checkov,$(call venv,$(pins))/installed)
format: ## Format the code and the stacks
	$(call tool,golangci-lint) fmt ./...
	terraform fmt -recursive .infra
generate: ## Generate the API document from the annotations
	$(call tool,swag) init --quiet --generalInfo api.go --dir src/api --output src/api/docs --outputTypes go,json
golden: ## Generate the golden manifests from the Helm chart
	CI=true UPDATE_GOLDEN=true go test -count=1 -run TestGolden ./tests/kubernetes/chart
swagger-ui: ## Replace Swagger UI with a version from npm: SWAGGER_UI=5.35.0
	.tools/swagger-ui '$(SWAGGER_UI)'
help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{printf "%s%s\n", separator, substr($$0, 5); separator = "\n"} \
	  /^[a-z][a-z0-9 -]*:.*## /{printf "  %-15s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
