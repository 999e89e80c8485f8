#!/usr/bin/env bash
# Runs the tests of the given packages with the race detector. Packages that start hypervisors or build images take turns,
# since they share two cores; all of them install or build what they need.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $EUID -ne 0 ]]; then
	echo "the tests create network namespaces and run libvirtd: run them as root ('make test-unit' needs no root)" >&2
	exit 1
fi
go vet ./...
go vet -tags lab ./test/stories/...
exec go test -race -p 2 -timeout 30m "$@"
