# dpslab. The two commands to know: make demo, make test.
#
# Everything here needs Go and make; the tests of SDKs Node with npm, Python and qpid-proton,
# those of containers an engine, those of report pages Node and Chromium. Where one is missing
# on Debian as root it is installed after a line that says so; DPSLAB_INSTALL=0 forbids that.

BIN     := bin/dpslab
GOFILES := $(shell git ls-files '*.go' 2>/dev/null)
COMMIT  := $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS := -s -w -X main.Commit=$(COMMIT)
NODE    := suites/interop/node
PAGES   := reports/browser/node
SPECS   := go tool ginkgo --procs=8 --randomize-all --fail-on-empty --fail-on-pending --succinct $$([ -t 1 ] || echo --no-color)

.PHONY: help demo test tests build unit conformance rounds containers interop browser browser-tests lint race verify abuse kills loads reproducible selfcheck fuzz bench release embed ci-examples clean setup interop-deps browser-deps

help:
	@echo 'make demo        build, start a lab, provision a small fleet, run the checks, say where the report is'
	@echo 'make test        unit tests, the checks on a lab and on containers, official SDKs, report pages, lint'
	@echo 'make selfcheck   arm every catalogued defect and see that a check catches it'
	@echo 'make verify      the slow proofs: selfcheck, race detector, 20 rounds in random order, fuzzing, abuse, other platforms'
	@echo 'make bench       ratios: to a bare TLS server, of data files to memory, of a million enrollments to a thousand'
	@echo 'make loads       runs at three times the capacity are void, at two fifths not; wants a quiet machine'
	@echo 'make release     dist/: six platforms, checksums, lists of modules, container images; VERSION=v1.2.3'

demo: build
	@./internal/make/demo.sh $(BIN)

# All tests, with a container engine. What could not run is told at the end.
test: setup
	@./internal/make/notrun.sh --begin
	@./internal/make/engine.sh $(MAKE) --no-print-directory tests
	@./internal/make/notrun.sh --end

tests: unit conformance containers interop browser lint

build: setup $(BIN)

$(BIN): $(GOFILES) $(shell git ls-files internal/requirement internal/vectors reports/html/assets reports/run.schema.json 2>/dev/null) go.mod go.sum
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/dpslab

# Unit tests: everything but the two suites that start whole labs, and the browser.
unit: setup
	@./internal/make/setup.sh swtpm || ./internal/make/notrun.sh 'emulated TPMs and the blobs made for TPMs, against a whole one: swtpm is missing'
	@./internal/make/setup.sh strace || ./internal/make/notrun.sh 'the order of sync and reply of dpslab --data: strace is missing'
	@./internal/make/setup.sh postgres || ./internal/make/notrun.sh 'services of several processes on one database: PostgreSQL is missing'
	./internal/make/proton.sh go test $$(go list ./... | grep -v -e '/suites$$' -e '/suites/interop$$' -e '/reports/browser$$')

# Twenty times in random order, with the race detector at both ends.
rounds: setup
	./internal/make/rounds.sh

# Every check, as Ginkgo specs against the binary as a child process. Its processes wait
# more than they work.
conformance: setup
	$(SPECS) ./suites

# The same specs against the reference and three hubs in a container each.
containers: build
	@if [ "$${DPSLAB_CONTAINERS:-}" = none ]; then echo 'not run: the checks against containers'; else set -x; \
	DPSLAB_TARGET=containers $(SPECS) ./suites; fi

# The unmodified SDKs against the lab, in a network namespace without a way out.
interop: build interop-deps
	@if [ "$${DPSLAB_INTEROP:-}" = skip ]; then ./internal/make/notrun.sh 'the official SDKs: DPSLAB_INTEROP=skip'; else set -x; \
	DPSLAB_BINARY=$(CURDIR)/$(BIN) go test -count=1 ./suites/interop; fi

interop-deps: setup
	@[ "$${DPSLAB_INTEROP:-}" = skip ] || ./internal/make/setup.sh swtpm || ./internal/make/notrun.sh 'the Node SDK with a TPM: swtpm is missing'
	@[ "$${DPSLAB_INTEROP:-}" = skip ] || { ./internal/make/setup.sh node proton && $(MAKE) --no-print-directory $(NODE)/node_modules/.package-lock.json && ./internal/make/python.sh; }

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# The report pages in a browser.
browser: setup
	@./internal/make/browser.sh $(MAKE) --no-print-directory browser-tests

browser-tests: browser-deps
	go test -count=1 ./reports/browser

browser-deps: setup $(PAGES)/node_modules/.package-lock.json

lint: setup
	@test -z "$$(gofmt -l $(GOFILES) </dev/null)" || { echo 'gofmt these files:'; gofmt -l $(GOFILES); exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go tool ginkgolinter ./...
	@./internal/make/vulncheck.sh

race: setup
	./internal/make/proton.sh go test -race $$(go list ./... | grep -v -e '/suites/interop$$' -e '/reports/browser$$')

selfcheck: build
	$(BIN) selfcheck

verify: selfcheck race rounds fuzz abuse kills reproducible
	GOOS=darwin go vet ./... && GOOS=darwin CGO_ENABLED=0 go build -o /dev/null ./cmd/dpslab
	GOOS=windows go vet ./... && GOOS=windows CGO_ENABLED=0 go build -o /dev/null ./cmd/dpslab

reproducible: setup
	./internal/make/reproducible.sh

# 10,000 random strings a way to each port, 2,000 slow clients of each kind; `make unit` has
# the same with fewer.
abuse: setup
	go test -count=1 -v -timeout 30m -run '^TestAbuse' ./cmd/dpslab -abuse.full

# What was acknowledged outlives 50 kills under load; `make unit` has three.
kills: setup
	DPSLAB_KILLS=50 go test -count=1 -timeout 30m -run '^TestWhatWasAcknowledgedOutlivesAKill$$' ./cmd/dpslab

# 20 runs at three times the lab's capacity are void, 20 at two fifths are not.
loads: setup
	DPSLAB_LOADS=20 go test -count=1 -v -timeout 30m -run '^TestARunIsVoidAtThreeTimesTheCapacityAndNotAtTwoFifths$$' ./cmd/dpslab

# Each fuzz target for FUZZTIME: a count of inputs, since a time that runs out in the middle
# of one is reported as a failure. FUZZTIME=60s runs for a minute each all the same.
FUZZTIME ?= 20000x
fuzz: setup
	@for target in $$(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' . | awk '{print $$2}' | sort -u); do \
	  package=$$(grep -rlE --include='*_test.go' "^func $$target\(" . | xargs -n1 dirname | sort -u); \
	  for p in $$package; do echo "$$target in $$p"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: setup
	go test -run '^$$' -bench . -benchtime 1x ./cmd/dpslab

# The version is what git describes unless VERSION=… says otherwise.
release: setup
	go run ./internal/make/release -version '$(VERSION)'

# Parts of `make unit`, by themselves: a module outside of this one that embeds the checks,
# and the CI examples, run.
embed ci-examples: setup
	go test -count=1 -v ./internal/make/$(subst -,,$@)

clean:
	rm -rf bin build dist $(NODE)/node_modules $(PAGES)/node_modules suites/interop/python/.venv

setup:
	@./internal/make/setup.sh go
