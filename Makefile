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
TAGS := nomsgpack
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
GO_BUILD = CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)'

# A tool's version and checksums are in .tools/NAME.mod and .tools/NAME.sum; Go builds it on first use.
tool = go tool -modfile=.tools/$(1).mod $(1)

# Expands to nothing, or stops make with one line that says what to do.
need-docker = $(if $(shell command -v docker || true),$(if $(shell docker version >/dev/null 2>&1 && echo yes || true),,\
	$(error Docker is installed, but its engine does not answer: start it, or see what `docker version` says)),\
	$(error Docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install))

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

.PHONY: dev
dev: ## Serve on http://127.0.0.1:8080, anew whenever the code changes
	@DRAIN_DELAY=$${DRAIN_DELAY:-0s} $(call tool,air)

##@ Image
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
image-run: image ## Serve on http://127.0.0.1:$PORT (8080) from a container, sealed as in production
	docker run --rm --publish '127.0.0.1:$(PORT):8080' --env DRAIN_DELAY=0s --env LOG_FORMAT=text --memory 64m \
		--read-only --cap-drop ALL --security-opt no-new-privileges '$(IMAGE)'

.PHONY: rollout
rollout: ## Replace running containers under load, ten times, and count the requests that fail
	$(need-docker)
	ROLLOUT_ROUNDS=$${ROLLOUT_ROUNDS:-10} go test -count=1 -timeout 20m -v ./tests/rollout

.PHONY: customers
customers: ## Run a container per customer behind a proxy, and ask each by its host name
	$(need-docker)
	CI=$${CI:-true} go test -count=1 -v ./tests/customers # CI: whatever is missing is a failure and not a skip

##@ Kubernetes
.PHONY: chart
chart: ## Check the Helm chart: lint, golden manifests, the schemas of Kubernetes
	CI=$${CI:-true} go test -count=1 ./tests/chart

.PHONY: golden
golden: ## Make the golden manifests anew from the Helm chart
	UPDATE_GOLDEN=true go test -count=1 -run TestGolden ./tests/chart

# KUBECONFIG names the cluster; K8S_LOAD_IMAGE is what gives it an image, such as 'kind load docker-image'.
.PHONY: k8s
k8s: chart ## Install the Helm chart in a real cluster, upgrade it under load, roll back, uninstall
	$(need-docker)
	CI=$${CI:-true} go test -count=1 -timeout 20m -v ./tests/k8s

##@ Test
.PHONY: test
test: ## Test all that this machine can test
	@$(call tool,gotestsum) --format pkgname -- -tags $(TAGS) -timeout 30m ./...

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
	$(call tool,helm) lint --strict --quiet .infra/helm/clockmirror

##@ Look after
.PHONY: generate
generate: ## Make the API document anew from the annotations
	$(call tool,swag) init --quiet --generalInfo api.go --dir src/api --output src/api/docs --outputTypes go,json

.PHONY: format
format: ## Format the code
	$(call tool,golangci-lint) fmt ./...

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
