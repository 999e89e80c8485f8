# `make help` lists the targets. Tools come from hack/tools, where they are pinned as Go modules.
SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec
.DEFAULT_GOAL := help

MODULE  := github.com/altcos/cluster-api-provider-altcos
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X $(MODULE)/internal/manager.version=$(VERSION)
BIN     := $(CURDIR)/bin
IMAGE   ?= ghcr.io/altcos/cluster-api-provider-altcos:$(VERSION)
LAB     := $(BIN)/lab

CONTROLLER_GEN := $(BIN)/tools/controller-gen
KUSTOMIZE      := $(BIN)/tools/kustomize
GOLANGCI       := $(BIN)/tools/golangci-lint

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Build
.PHONY: build
build: ## Build the manager into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN)/manager .

.PHONY: plugin
plugin: ## Build the kubectl plugin into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(BIN)/kubectl-altcos ./cmd/kubectl-altcos

.PHONY: image
image: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) -t $(IMAGE) .

.PHONY: manifests
manifests: $(KUSTOMIZE) ## Write what clusterctl installs into dist/
	VERSION=$(VERSION) IMAGE=$(IMAGE) KUSTOMIZE=$(KUSTOMIZE) hack/release-manifests.sh

##@ Develop
.PHONY: generate
generate: $(CONTROLLER_GEN) ## Regenerate deep copies, CRDs, RBAC, webhook configurations and lists in docs
	$(CONTROLLER_GEN) object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(CONTROLLER_GEN) crd:crdVersions=v1,generateEmbeddedObjectMeta=true paths=./api/... output:crd:dir=config/crd/bases
	for provider in infrastructure bootstrap; do \
		$(CONTROLLER_GEN) webhook paths=./internal/webhooks/$$provider/... output:webhook:dir=config/webhook/$$provider; \
	done
	$(CONTROLLER_GEN) rbac:roleName=manager paths="{./controllers/libvirthost,./controllers/libvirtcluster,./controllers/libvirtmachine,./controllers/libvirtmachinetemplate,./internal/manager}" output:rbac:dir=config/rbac/infrastructure
	$(CONTROLLER_GEN) rbac:roleName=manager paths="{./controllers/altcosbootstrapconfig,./internal/manager}" output:rbac:dir=config/rbac/bootstrap
	go run ./hack/repo docs

.PHONY: fmt
fmt: $(GOLANGCI) ## Format the source
	$(GOLANGCI) fmt

.PHONY: lint
lint: $(GOLANGCI) ## Lint the source, its layers and sizes, and the shell scripts
	$(GOLANGCI) run
	go run ./hack/repo check
	hack/shellcheck.sh

.PHONY: lint-api
lint-api: $(GOLANGCI) ## Lint the API's style
	$(GOLANGCI) run --config .golangci-kal.yml ./api/...

.PHONY: verify
verify: $(CONTROLLER_GEN) $(KUSTOMIZE) ## Check that what is generated is up to date and that manifests build
	hack/verify.sh

##@ Test
.PHONY: test
test: ## Run all tests, on a real API server, libvirtd, QEMU, haproxy and keepalived, which are installed (root)
	hack/test.sh ./...

.PHONY: test-unit
test-unit: ## Run the tests that need neither root nor a hypervisor
	go test -race $$(go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' \
		./api/... ./cmd/... ./controllers/... ./hack/... ./internal/... | grep -vE '/test/(lab|firstboot)' | cut -d' ' -f1)

.PHONY: test-lab
test-lab: $(LAB) build ## Run the end-to-end lifecycle test, which replaces a running demo (root, a quarter of an hour)
	go test -tags lab -count=1 -timeout 170m -v ./test/stories/lifecycle/...

FUZZ_TIME ?= 1m
.PHONY: fuzz
fuzz: ## Fuzz every fuzz target for FUZZ_TIME
	FUZZ_TIME=$(FUZZ_TIME) hack/fuzz.sh

##@ Demo
.PHONY: $(LAB)
$(LAB):
	go build -o $(LAB) ./test/lab/cmd/lab

CONTROL_PLANES ?= 1
WORKERS        ?= 1
.PHONY: demo
demo: $(LAB) build ## Create three hosts and a cluster on this machine (root, Debian 12); WORKERS=3, with KVM CONTROL_PLANES=3
	$(LAB) up --manager $(BIN)/manager --control-planes $(CONTROL_PLANES) --workers $(WORKERS)

.PHONY: demo-status
demo-status: $(LAB) ## Show the state of the demo
	$(LAB) status

.PHONY: demo-down
demo-down: $(LAB) ## Remove the demo completely
	$(LAB) down

.PHONY: clean
clean: ## Remove build results
	rm -rf bin dist

$(CONTROLLER_GEN): hack/tools/codegen/go.mod
	cd hack/tools/codegen && go build -o $@ sigs.k8s.io/controller-tools/cmd/controller-gen
$(KUSTOMIZE): hack/tools/kustomize/go.mod
	cd hack/tools/kustomize && go build -o $@ sigs.k8s.io/kustomize/kustomize/v5
$(GOLANGCI): hack/tools/golangci/go.mod
	cd hack/tools/golangci && go build -o $@ sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter
