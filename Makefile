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
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.revision=$(REVISION) -X main.created=$(CREATED)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -tags nomsgpack -ldflags '$(LDFLAGS)'

# A tool's version and checksums are in .tools/NAME.mod and .tools/NAME.sum; Go builds it on first use.
tool = go tool -modfile=.tools/$(1).mod $(1)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run
.PHONY: run
run: ## Serve on http://127.0.0.1:8080
	go run ./src/cmd/clockmirror

##@ Test
.PHONY: test
test: ## Test all that this machine can test
	go test -tags nomsgpack ./...
