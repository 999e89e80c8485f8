#!/usr/bin/env bash
# Writes what `clusterctl init` reads: dist/<provider>/<version>/{<type>-components.yaml,metadata.yaml,templates}.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf dist
for provider in infrastructure bootstrap; do
	name=$([[ $provider == infrastructure ]] && echo libvirt || echo altcos)
	out="dist/$provider-$name/$VERSION"
	mkdir -p "$out"
	"$KUSTOMIZE" build "config/clusterctl/$provider" |
		sed "s|image: controller:latest|image: $IMAGE|" >"$out/$provider-components.yaml"
	cp metadata.yaml "$out/"
	if [[ $provider == infrastructure ]]; then
		cp config/templates/*.yaml "$out/"
	fi
done
