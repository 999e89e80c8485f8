#!/usr/bin/env bash
# Fuzzes every target of the module for FUZZ_TIME each, or only those that match FUZZ, an extended regular expression on
# <package>.<target>: FUZZ='cloudconfig|fromcloudconfig|ignition/render' FUZZ_TIME=10m hack/fuzz.sh
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t targets < <(
	grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
		grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | while read -r _ target; do
			echo "$(dirname "$file").$target"
		done
	done | grep -E -- "${FUZZ:-.}"
)
if [[ ${#targets[@]} -eq 0 ]]; then
	echo "no fuzz target matches FUZZ=${FUZZ:-}" >&2
	exit 1
fi
for target in "${targets[@]}"; do
	echo "== $target"
	# by default go spends up to a minute on minimizing each new input, and tries nothing else meanwhile
	go test -run '^$' -fuzz "^${target##*.}\$" -fuzztime "${FUZZ_TIME:-1m}" -fuzzminimizetime 5s "${target%.*}"
done
