# What people and CI type. Every target works from a fresh clone; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The toolchain is the one that go.mod names; Go must not fetch another behind our back.
export GOTOOLCHAIN := local
# Generators and checkers are pinned in modules of their own, so that their needs never move the product's versions.
TOOL      := go tool -modfile=tools/go.mod
LINT_TOOL := go tool -modfile=tools/lint/go.mod

# Packages at a time: each may run a PostgreSQL, a Temporal server and routers of its own.
P         ?= 1
TIMEOUT   ?= 40m
TESTFLAGS ?=
# It takes longest and waits for timers most of its time: everything else runs beside it.
LONGEST   := ./standalone/e2e
PKGS      ?=
ALL       := $(if $(PKGS),,all)
# Where goroutines share state: these run a second time under the race detector. Elsewhere it costs minutes and finds nothing; GoBGP speakers that share a process race in GoBGP itself.
RACE_PKGS ?= ./internal/peeringdb/... ./activities/... ./worker/... ./api/... ./db/...
FUZZTIME  ?= 30s
# How many random templates `make difftest` compares; a new seed each time, which the report names.
N         ?= 50000
SEED      ?= $(shell date +%s)
BENCH     ?= .
BENCHTIME ?= 1x
# The demo's own switches: make demo YES=1 EXIT=1, or anything that `peerflow up` knows in ARGS.
ARGS      ?=

# $(call present,PATTERNS): those of the ./folder/... patterns whose folder exists.
present = $(foreach pattern,$(1),$(if $(wildcard $(patsubst ./%/...,%,$(pattern))),$(pattern)))
# $(call having,WORD): the packages whose tests declare a func that starts with WORD.
having = $(sort $(dir $(shell git grep -l --untracked -E '^func $(1)[A-Z]' -- '*_test.go' | sed 's|^|./|')))

.PHONY: help
help: ## what you can type
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install, or name, the programs that the demo and the tests run
	@scripts/install-deps

.PHONY: demo
demo: deps bin/peerflow-standalone ## one peering on real routers, on loopback (YES=1 EXIT=1 for no questions)
	@./bin/peerflow-standalone up --demo $(if $(YES),--yes) $(if $(EXIT),--exit) $(ARGS)

.PHONY: test
test: deps ## every test, and the race detector where it pays (PKGS= runs a part, TESTFLAGS= narrows it)
	@$(MAKE) -k -j 2 $(if $(ALL),test-longest) test-others

.PHONY: test-longest test-others
test-longest:
	@scripts/test longest -timeout $(TIMEOUT) $(TESTFLAGS) $(LONGEST)
test-others:
	@status=0; trap 'exit 130' INT; \
	$(if $(ALL),scripts/test race -p $(P) -timeout $(TIMEOUT) $(TESTFLAGS) -race $(call present,$(RACE_PKGS)) || status=1;) \
	pkgs="$(PKGS)"; pkgs=$${pkgs:-$$(go list ./... | sed 's|^peerflow|.|' | grep -vxF $(LONGEST))}; \
	scripts/test others -p $(P) -timeout $(TIMEOUT) $(TESTFLAGS) $$pkgs || status=1; \
	exit $$status

.PHONY: crash
crash: deps ## the whole crash matrix: every point and driver, for a killed worker and for the killed process tree
	@go test -count=1 -timeout 60m -v -run NoDoubt ./standalone/e2e -full

.PHONY: build
build: bin/peerflow bin/peerflow-standalone ## both binaries, into bin/

# Go knows what is stale; make doesn't.
.PHONY: bin/peerflow bin/peerflow-standalone
bin/peerflow:
	@go build -ldflags='-s -w' -o $@ ./cmd/peerflow
bin/peerflow-standalone:
	@go build -ldflags='-s -w' -o $@ ./standalone/cmd/peerflow

.PHONY: generate
generate: ## write the generated code again
	@scripts/generate

.PHONY: lint
lint: ## linters (.golangci.yml says why each), and determinism of the workflows
	@$(LINT_TOOL) golangci-lint run
	@$(if $(wildcard workflows/*.go),$(TOOL) workflowcheck ./workflows/...)

.PHONY: verify
verify: ## what is committed is formatted, tidy, pinned and freshly generated
	@scripts/verify

.PHONY: bench
bench: deps ## figures: starts, memory, a change from approval to commit, a full PeeringDB
	@$(if $(call having,Benchmark),go test -p 1 -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -timeout 60m $(call having,Benchmark),echo 'bench: no benchmark yet')

.PHONY: difftest
difftest: deps ## random templates against Jinja2 itself (N= and SEED= repeat a run)
	@go run ./internal/jinja/difftest -n $(N) -seed $(SEED)

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@scripts/fuzz $(FUZZTIME)
