#!/usr/bin/env bash
# Writes what `clusterctl init` reads: $DIST/<provider>/<version>/{<type>-components.yaml,metadata.yaml,templates}, DIST=dist.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! $VERSION =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "warning: clusterctl accepts only versions such as v0.1.0, not $VERSION" >&2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r config "$work/" # kustomize edit changes it
dist=${DIST:-dist}
rm -rf "$dist"
for provider in infrastructure bootstrap; do
	name=$([[ $provider == infrastructure ]] && echo libvirt || echo altcos)
	out="$dist/$provider-$name/$VERSION"
	overlay="$work/config/clusterctl/$provider"
	mkdir -p "$out"
	(cd "$overlay" && "$KUSTOMIZE" edit set image "controller=$IMAGE")
	"$KUSTOMIZE" build "$overlay" >"$out/$provider-components.yaml"
	cp metadata.yaml "$out/"
	if [[ $provider == infrastructure ]]; then
		cp config/templates/*.yaml "$out/"
	fi
done
