# Everything here runs from a clean checkout with Go, Debian and the package
# registries; nothing else needs to be set up.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

GO          ?= go
BIN         := $(CURDIR)/.bin
TEMPL       := $(BIN)/templ
STATICCHECK := $(BIN)/staticcheck
GOVULNCHECK := $(BIN)/govulncheck
PEBBLE      := $(BIN)/pebble
STRIPEMOCK  := $(BIN)/stripe-mock
LIGHTHOUSE  := $(BIN)/lighthouse/node_modules/lighthouse/cli/index.js
TEMPL_VERSION       := v0.3.977
STATICCHECK_VERSION := v0.8.2
GOVULNCHECK_VERSION := v1.8.0
PEBBLE_VERSION      := v2.10.1
STRIPEMOCK_VERSION  := v0.203.0
LIGHTHOUSE_VERSION  := 12.8.2

# Real records to test on; tests that need them skip where they are missing.
HALE_TESTDATA ?= $(realpath ../shared/data)
export HALE_TESTDATA

# The translated SQLite is slow under the race detector and has no goroutines.
RACE  := -race -gcflags='github.com/ncruces/go-sqlite3-wasm/...=-race=false'
# The longest package is named first, so that the others run beside it.
TESTS ?= ./internal/prooftest ./...
RUN   ?= .
# No fuzz test gets more than FUZZ, and all of them together about FUZZING.
FUZZ    ?= 20s
FUZZING ?= 5m
ADDR  ?= 127.0.0.1:8080

# What the proofs measure is kept here, with the commit it was measured on.
FIGURES = HALE_FIGURES=$(CURDIR)/docs/trust HALE_COMMIT=$$(git rev-parse --short=12 HEAD)
CUTS   ?= 10000
SIZES  ?= 10000
BUDGET ?= 24h
PEOPLE ?= 100000
KILLS  ?= 200
SHOTS  ?= shots

# The proofs that live beside what they prove.
PROOFS := ./internal/care ./internal/store/audit ./internal/access/snoop

.PHONY: help
help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build ./hale, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o hale ./cmd/hale

.PHONY: demo
demo: build ## Build and start the demo town
	./hale demo --addr $(ADDR)

.PHONY: test
test: tools lint vuln ## Run everything that must pass: generated code, format, vet, staticcheck, weaknesses, all tests, fuzzing
	scripts/test-summary $(GO) run ./internal/haletest/withpg $(GO) test -json $(RACE) -timeout 40m -run '$(RUN)' $(TESTS)
	@$(MAKE) --no-print-directory fuzz

.PHONY: quick
quick: ## Run the tests on SQLite alone, without the race detector
	$(GO) vet ./...
	HALE_TEST_POSTGRES= $(GO) test -run '$(RUN)' $(TESTS)

.PHONY: lint
lint: $(TEMPL) $(STATICCHECK) ## Check generated code, format, vet and staticcheck
	@echo "== generated code"
	@scripts/check-generated $(TEMPL)
	@echo "== gofmt"
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	  if [ -n "$$files" ]; then echo "not formatted:"; echo "$$files"; exit 1; fi
	@echo "== go vet"
	@$(GO) vet ./...
	@echo "== staticcheck"
	@$(STATICCHECK) ./...

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look for known weaknesses in what Hale is built from
	@echo "== known weaknesses"
	@scripts/vulncheck $(GOVULNCHECK)

.PHONY: fuzz
fuzz: ## Give every parser of what strangers send anything: FUZZ each, FUZZING for all
	@echo "== fuzzing"
	@$(GO) run ./internal/prooftest/fuzz -for $(FUZZ) -within $(FUZZING)

.PHONY: generate
generate: $(TEMPL) ## Write the generated code anew
	$(TEMPL) generate -path internal
	$(GO) generate ./...

.PHONY: bench
bench: ## Measure what has a budget
	$(GO) run ./internal/haletest/withpg $(GO) test -run '^$$' -bench '$(RUN)' -benchmem $(TESTS) | grep -v -e '^ok ' -e '^PASS' -e 'no test files'

.PHONY: bench-fhir
bench-fhir: build ## Load the FHIR API on both engines: read, search, create, bundle; CPU, memory and what the host took away
	$(GO) build -o $(BIN)/fhirload ./internal/prooftest/fhirload
	$(GO) run ./internal/haletest/withpg -durable $(BIN)/fhirload -binary ./hale -sizes $(SIZES)

.PHONY: deep
deep: tools ## Run the long tests: fuzzing a minute each, the seeds of the town, a million searches
	$(FIGURES) HALE_DEEP=1 $(GO) run ./internal/haletest/withpg $(GO) test -timeout 2h $(TESTS)
	$(GO) run ./internal/prooftest/fuzz -for 60s

.PHONY: deep-powercut
deep-powercut: ## Cut the power ten thousand times while Hale writes; nothing acknowledged may be lost
	$(FIGURES) HALE_CUTS=$(CUTS) $(GO) test -count=1 -timeout 1h -v -run PowerCut ./internal/prooftest

.PHONY: deep-fuzz
deep-fuzz: ## Fuzz until every parser has had ten million inputs, over as many runs as it takes
	$(FIGURES) $(GO) run ./internal/prooftest/fuzz -for 60s -until 10000000 -budget $(BUDGET) -state docs/trust/fuzz.json

.PHONY: trust
trust: tools vuln ## Run the proofs and write docs/TRUST.md from their figures
	@mkdir -p docs/trust
	$(FIGURES) $(GO) run ./internal/haletest/withpg $(GO) test -count=1 -timeout 30m ./internal/prooftest/... $(PROOFS)
	$(FIGURES) scripts/vulncheck $(GOVULNCHECK)
	$(GO) run ./internal/prooftest/trust -write

.PHONY: bench-track
bench-track: ## Measure what mails report on both engines: fetches a second that are on the disk, and pages meanwhile
	$(GO) build -o $(BIN)/trackload ./internal/prooftest/trackload
	$(GO) run ./internal/haletest/withpg -durable $(BIN)/trackload

.PHONY: bench-reach
bench-reach: build ## Write to PEOPLE patients by e-mail on both engines, and with LISTMONK=path by listmonk too; rates, CPU, memory
	$(GO) build -o $(BIN)/reachload ./internal/prooftest/reachload
	$(GO) run ./internal/haletest/withpg -durable $(BIN)/reachload -binary ./hale -people $(PEOPLE)

.PHONY: bench-pages
bench-pages: build ## Build a town of PEOPLE on both engines and time a page of every kind as everybody; 20 ms is asked for
	$(GO) build -o $(BIN)/pageload ./internal/prooftest/pageload
	$(GO) run ./internal/haletest/withpg -durable $(BIN)/pageload -binary ./hale -people $(PEOPLE)

.PHONY: bench-plan
bench-plan: build ## Decide on PEOPLE patients on both engines and write it all down, with nothing sent: seconds, memory; and decisions alone
	$(GO) build -o $(BIN)/reachload ./internal/prooftest/reachload
	$(GO) run ./internal/haletest/withpg -durable $(BIN)/reachload -binary ./hale -plan -people $(PEOPLE)
	$(GO) run ./internal/haletest/withpg $(GO) test -run '^$$' -bench Decisions ./internal/reach

.PHONY: shots
shots: tools ## Have everybody of the demo town open every page: pictures into SHOTS, axe, keyboard, 320 pixels, without scripts
	@mkdir -p $(SHOTS)
	HALE_WALK=1 HALE_SHOTS=$(abspath $(SHOTS)) $(GO) test -count=1 -timeout 1h -v -run 'TestShots' ./internal/browsertest
	@echo "pictures: $(SHOTS)/index.html"

.PHONY: lighthouse
lighthouse: tools $(LIGHTHOUSE) ## Measure the pages patients need most by Lighthouse on a slow phone; 95 in each category is asked for
	HALE_LIGHTHOUSE=$(LIGHTHOUSE) $(GO) test -count=1 -timeout 30m -v -run 'TestLighthouse' ./internal/browsertest

.PHONY: chaos-reach
chaos-reach: build ## Kill the sender with -9 KILLS times during 500 messages each, at random and at named points; nothing may be lost
	HALE_CHAOS=$(KILLS) HALE_BINARY=$(CURDIR)/hale $(GO) run ./internal/haletest/withpg $(GO) test -count=1 -timeout 2h -v -run 'ChaosReach|ChaosPoints' ./internal/reach

.PHONY: chaos-keys
chaos-keys: build ## Kill key rotation with -9 twenty times under a writer; everything must stay readable
	HALE_CHAOS=20 HALE_BINARY=$(CURDIR)/hale $(GO) run ./internal/haletest/withpg $(GO) test -count=1 -timeout 30m -v -run ChaosKeys ./internal/cli

.PHONY: tools
tools: $(TEMPL) $(STATICCHECK) $(PEBBLE) $(STRIPEMOCK) ## Install what the tests need and is missing
	@scripts/install-test-tools.sh

.PHONY: clean
clean: ## Remove what was built; data folders stay
	rm -rf hale .bin

$(TEMPL):
	GOBIN=$(BIN) $(GO) install github.com/a-h/templ/cmd/templ@$(TEMPL_VERSION)

$(LIGHTHOUSE):
	mkdir -p $(BIN)/lighthouse && cd $(BIN)/lighthouse && echo '{"private":true}' >package.json && npm install --silent --no-audit --no-fund --ignore-scripts lighthouse@$(LIGHTHOUSE_VERSION)

$(GOVULNCHECK):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

$(STATICCHECK):
	GOBIN=$(BIN) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

$(STRIPEMOCK):
	GOBIN=$(BIN) $(GO) install github.com/stripe/stripe-mock@$(STRIPEMOCK_VERSION) || echo "not installed: stripe-mock — our calls to Stripe are not held to its description"

$(PEBBLE):
	GOBIN=$(BIN) $(GO) install github.com/letsencrypt/pebble/v2/cmd/pebble@$(PEBBLE_VERSION) || echo "not installed: pebble — no test asks an ACME authority"
