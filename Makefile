# Everything needs Go, git and make. What else a target needs, it installs.

ADDR ?= 127.0.0.1:8080
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export GOTOOLCHAIN ?= local
# One setting for all targets, so that nothing is compiled twice; and no C compiler is needed.
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: run
run: build ## Serve sample data on ADDR (127.0.0.1:8080).
	@exec bin/enablementd serve --sample --addr $(ADDR)

.PHONY: demo
demo: build ## Walk the whole way once: create, complete, submit, decide. CURL=1 does it with curl alone.
	@go run ./server/internal/lab/demo $(if $(CURL),-curl) bin/enablementd

.PHONY: build
build: ## Build bin/enablementd.
	@echo "building bin/enablementd; the first time takes about two minutes" >&2
	@.ci/progress go build -ldflags='-s -w' -o bin/enablementd ./server/cmd/enablementd

.PHONY: generate
generate: ## Make gen/ from openapi.yaml, and the notices from go.mod.
	go generate ./...
	@.ci/notices

.PHONY: check-generated
check-generated: ## Fail if gen/, the notices or go.mod is not what it should be.
	@.ci/check-generated

.PHONY: outdated
outdated: ## List the dependencies that have a newer version.
	@.ci/outdated

# BASE is what to compare with, a commit or a file: the last release.
BASE ?=
.PHONY: spec
spec: ## Take an edit of openapi.yaml to green: lint, examples, breaking changes since BASE, generate, build, cases, tests.
	@.ci/spec $(BASE)

.PHONY: spec-changelog
spec-changelog: ## Write what differs between openapi.yaml and BASE.
	@.ci/spec changelog $(BASE)

.PHONY: spec-release
spec-release: ## Make openapi.yaml the specification that later edits are compared with.
	@.ci/spec release

.PHONY: spec-selftest
spec-selftest: ## Try the checks of 'make spec' with edits that break somebody, that break nobody, and that nothing could serve.
	@.ci/judges
	go test -C .tools ./spec

.PHONY: spec-walkthrough
spec-walkthrough: ## Make the edits of gen/README.md on a copy, and compare what is printed with what it says.
	@.ci/walkthrough

.PHONY: test
test: postgres ## Run all tests; needs no C compiler. TEST_DATABASE_URL names a PostgreSQL server to use.
	@echo "testing; the first time, with all to compile, takes about five minutes" >&2
	.ci/progress .ci/postgres run go test ./...

.PHONY: test-race
test-race: cc postgres ## Run all tests with the race detector.
	CGO_ENABLED=1 .ci/progress .ci/postgres run go test -race -timeout 30m ./...

# Uncached: the tests build the service themselves, so Go can't tell that it changed. What the
# browser showed is kept in bin/_artifacts.
.PHONY: test-browser
test-browser: chromium ## Test the service's pages in Chromium.
	@rm -rf bin/_artifacts && mkdir -p bin
	go test -count=1 -tags browser -artifacts -outputdir bin ./server/internal/pages/browsertest

CASES ?= 200
SEED ?= 1
.PHONY: conformance
conformance: build ## Let linters, Schemathesis (CASES, SEED), Prism and clients of other generators judge the service.
	@.ci/conformance $(CASES) $(SEED)

DB_URL ?=
.PHONY: uploads
uploads: build ## Send 100 uploads of 20 MiB while others submit, and print what that costs. DB_URL: a PostgreSQL database, else SQLite.
	@go run ./server/internal/lab/uploads -db "$(DB_URL)" bin/enablementd

.PHONY: dist
dist: ## Build what a release is made of into bin/dist, and start its image. Publishes nothing; needs root for the image.
	@.ci/dist

.PHONY: alerts
alerts: ## Check the rules for Prometheus, and try each of them. Installs Debian's prometheus for its promtool.
	@command -v promtool >/dev/null || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus; } >/dev/null
	promtool check rules server/deploy/alerts.yaml
	promtool test rules server/deploy/alerts.test.yaml

CONNECTIONS ?= 10000
.PHONY: flood
flood: build ## Open CONNECTIONS (10000) slow and malformed connections beside a good caller.
	@go run ./server/internal/lab/flood -connections $(CONNECTIONS) bin/enablementd

KILLS ?= 100
DB ?= sqlite
.PHONY: crash
crash: build $(if $(filter postgres,$(DB)),postgres) ## Kill the service KILLS (100) times on DB (sqlite or postgres) and compare all accounts.
	@.ci/crash $(DB) $(KILLS)

.PHONY: upgrade
upgrade: build postgres ## Upgrade three processes on PostgreSQL under load, from the version at BASE, and compare all accounts.
	@.ci/upgrade $(BASE)

MINUTES ?= 5
.PHONY: soak
soak: build $(if $(filter postgres,$(DB)),postgres) ## Put a mixed load on the service for MINUTES (5), on DB (sqlite or postgres).
	@.ci/soak $(DB) $(MINUTES)

# ROWS is a list such as P1,P2; all by default. Needs modules of those it compares with.
ROWS ?=
ROUNDS ?= 7
.PHONY: bench
bench: build postgres ## Measure ROWS (all) of what performance promises, ROUNDS (7) times; writes bench.json.
	@go run ./server/internal/lab/bench -rows '$(ROWS)' -rounds $(ROUNDS)

.PHONY: contract-selftest
contract-selftest: ## Run wrong servers and clients, and thousands of changed answers, against the contract kit.
	@go run ./server/contract/internal/selftest/run

FILE ?=
.PHONY: drift
drift: build ## Say how the traffic in FILE, a cassette or a HAR file, differs from the specification.
	@bin/enablementd drift '$(FILE)'

# Its database is on the open network, so that it is no part of CI.
.PHONY: vuln
vuln: bin/govulncheck ## Look for known vulnerabilities; needs the open network.
	bin/govulncheck ./...

REQUESTS ?= 1000000
.PHONY: bench-growth
bench-growth: postgres ## Compare a submit's p50 at 1000 and at REQUESTS (1000000) stored, on both databases.
	.ci/postgres run go test -run '^$$' -bench Growth -benchtime 1x -timeout 1h ./server/internal/lab/storebench -requests $(REQUESTS)

.PHONY: bench-prune
bench-prune: postgres ## Time submissions while ROWS (1000000) old rows of each kind are removed, on both databases.
	.ci/postgres run go test -run '^$$' -bench Prune -benchtime 1x -timeout 1h ./server/internal/lab/storebench -pruned $(or $(ROWS),1000000)

.PHONY: bench-store
bench-store: postgres ## Measure submits a second through the store alone, from 8 goroutines, on both databases.
	.ci/postgres run go test -run '^$$' -bench Submit -benchtime 10000x ./server/internal/lab/storebench

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (20s).
	@.ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: bin/golangci-lint ## Run golangci-lint, and actionlint on the workflows.
	bin/golangci-lint run ./...
	go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 # its YAML does not go together with the other tools'

# Pinned in a module of its own, so that users of this module never see its dependencies.
bin/golangci-lint: .tools/go.mod
	.ci/progress go build -C .tools -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

bin/govulncheck: .tools/go.mod
	go build -C .tools -o ../bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	@touch $@

# The race detector needs a C compiler.
.PHONY: cc
cc:
	@command -v gcc >/dev/null || command -v cc >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy gcc libc6-dev; }

# The tests of PostgreSQL need a server, or its binaries to start one.
.PHONY: postgres
postgres:
	@.ci/postgres install

# The browser tests need Chromium, or Chrome.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -qy chromium; }
