#!/usr/bin/env bash
# Fuzzes every target of the module for FUZZ_TIME each.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2 | while read -r target; do
		echo "== $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZ_TIME:-1m}" "$(dirname "$file")"
	done
done
