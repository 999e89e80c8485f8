#!/usr/bin/env bash
# Runs shellcheck on all scripts. Those without #! are embedded: sh runs them with variables that Go code sets (SC2154), and
# they use "a && b || fail", where fail ends the script (SC2015).
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v shellcheck >/dev/null; then
	echo "shellcheck is missing: run 'apt-get install shellcheck'" >&2
	exit 1
fi
mapfile -t scripts < <(git ls-files .ci '*.sh' test/lab/guest/rootfs/usr/libexec/stand-in)
mapfile -t embedded < <(grep -L '^#!' "${scripts[@]}")
mapfile -t complete < <(grep -l '^#!' "${scripts[@]}")
shellcheck "${complete[@]}"
shellcheck --shell=sh --exclude=SC2015,SC2154 "${embedded[@]}"
