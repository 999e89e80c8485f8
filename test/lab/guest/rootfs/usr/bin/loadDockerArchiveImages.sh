#!/bin/sh
# Puts the image archives of the system into the container store. Archives whose image some store already has are passed
# over, so that a system with the read-only store loads nothing and a system without it loads everything.
set -u
known=$(podman images --all --format '{{.Repository}}:{{.Tag}}') || known=
status=0
for archive in /usr/dockerImages/*; do
	[ -f "$archive" ] || continue
	# The name of an archive is that of its image, with %2F for a slash and %3A for a colon.
	image=$(basename "$archive" .tar.zst | sed 's,%2F,/,g; s,%3A,:,g')
	if printf '%s\n' "$known" | grep -qxF "$image"; then
		echo "$image is there"
	elif zstd -dcq "$archive" | podman load --quiet; then
		echo "$image was loaded"
	else
		echo "$image was not loaded" >&2
		status=1
	fi
done
exit $status
