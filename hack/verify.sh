#!/usr/bin/env bash
# Checks that generated files match their sources, that the module is tidy, that every overlay builds and that manifests for
# users are valid. Everything is regenerated in a copy: this tree is not changed, and uncommitted files are included.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard |
	while IFS= read -r -d '' file; do if [[ -e $file ]]; then printf '%s\0' "$file"; fi; done |
	xargs -0 cp --parents --preserve=mode,timestamps -t "$copy"
cp -r "$copy" "$copy.before"
trap 'rm -rf "$copy" "$copy.before"' EXIT

make -s -C "$copy" generate CONTROLLER_GEN="$tree/bin/tools/controller-gen"
(cd "$copy" && go mod tidy)
if ! diff -ru "$copy.before" "$copy"; then
	echo "generated files or go.mod are out of date: run 'make generate' and 'go mod tidy', and commit" >&2
	exit 1
fi

overlays=(config/default config/{default,clusterctl,prometheus}/{infrastructure,bootstrap})
for overlay in "${overlays[@]}"; do
	bin/tools/kustomize build "$overlay" >/dev/null
done

missing=$(git ls-files '*.go' | grep -v zz_generated | xargs grep -L 'SPDX-License-Identifier: Apache-2.0' || true)
if [[ -n $missing ]]; then
	echo "files without licence header: $missing" >&2
	exit 1
fi

go test -count=1 ./test/manifests/...
