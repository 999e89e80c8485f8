#!/usr/bin/env bash
# Checks that what is generated matches its sources, that the modules are tidy and that every manifest builds.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(git status --porcelain)
make -s generate
go mod tidy
if [[ "$(git status --porcelain)" != "$before" ]]; then
	git --no-pager diff --stat
	echo "generated files or go.mod are out of date: run 'make generate' and 'go mod tidy', and commit" >&2
	exit 1
fi
for overlay in config/default config/clusterctl/infrastructure config/clusterctl/bootstrap; do
	bin/tools/kustomize build "$overlay" >/dev/null
done
missing=$(git ls-files '*.go' | grep -v zz_generated | xargs grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
if [[ -n $missing ]]; then
	echo "files without licence header: $missing" >&2
	exit 1
fi
