#!/usr/bin/env bash
# Runs the tests given as packages, with the race detector. Packages that start hypervisors or build images take their
# turn one after the other, since they share two cores; everything they need is installed or built by themselves.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $EUID -ne 0 ]]; then
	echo "the tests make network namespaces and run libvirtd: run them as root ('make test-unit' needs no root)" >&2
	exit 1
fi
go vet ./...
go vet -tags lab ./test/stories/...
exec go test -race -p 2 -timeout 30m "$@"
