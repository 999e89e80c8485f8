# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Common to all scripts. Set before: config units runtime clusters current socket main loaded (paths), haproxy keepalived
# (units), shared ("name|path|mode" lines).
set -u
umask 022
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH
trap '' HUP PIPE # a transaction that has begun runs to its end, even when the connection breaks

cluster=${current%/current}

# ask SOCKET COMMAND: one question to haproxy's admin socket.
ask() {
	[ -S "$1" ] || return 1
	if command -v socat >/dev/null 2>&1; then
		printf '%s\n' "$2" | timeout 5 socat -t 3 - "UNIX-CONNECT:$1" 2>/dev/null
	else
		# shellcheck disable=SC2016 # the variables are Perl's
		timeout 5 perl -MSocket -e '
			socket(my $s, PF_UNIX, SOCK_STREAM, 0) or exit 1;
			connect($s, sockaddr_un($ARGV[0])) or exit 1;
			syswrite $s, "$ARGV[1]\n"; print while sysread $s, $_, 65536' "$1" "$2" 2>/dev/null
	fi
}

description() { ask "$socket" 'show info' | sed -n 's/^[Dd]escription: //p'; }
# assembled: the digest of what keepalived would load, without comments, so that a new generation alone reloads nothing.
assembled() { cat "$main" "$clusters"/*/current/keepalived.conf 2>/dev/null | grep -v '^#' | sha256sum | cut -d' ' -f1; }
recorded() { cut -d' ' -f1 <"$loaded" 2>/dev/null; }
active() { systemctl is-active --quiet "$1"; }

# owner: the owner of the tree; "unproven" when there is a tree without a readable manifest.
owner() {
	[ -e "$current" ] || return 0
	found=$(sed -n '1s/^owner //p' "$current/manifest" 2>/dev/null)
	echo "${found:-unproven}"
}

others() {
	for other in "$clusters"/*; do
		[ -e "$other/current" ] && [ "$other" != "$cluster" ] && return 0
	done
	return 1
}

# lock: one transaction a host at a time. The directory of units always exists, so no lock file is left behind.
lock() {
	command exec 9<"$units" || finish busy "cannot open $units"
	flock -w 10 9 || finish busy "another transaction holds the host"
}

# finish STEP MESSAGE: answer the caller and exit.
finish() {
	printf 'result %s\n%s\n' "$1" "$2" | head -c 4096
	exit 0
}

# refresh UNIT: make the unit run what the files say.
refresh() {
	if active "$1"; then
		timeout 60 systemctl reload "$1"
	else
		systemctl reset-failed "$1" 2>/dev/null
		timeout 60 systemctl start "$1"
	fi
}

# drop_cluster: remove the cluster from this host, and with the last one everything else of ours.
drop_cluster() {
	rm -f "$current"
	if others; then
		if active "$keepalived"; then
			timeout 60 systemctl reload "$keepalived"
		fi
	else
		timeout 60 systemctl disable --now --quiet "$keepalived" 2>/dev/null
	fi
	timeout 60 systemctl disable --now --quiet "$haproxy" 2>/dev/null
	systemctl reset-failed "$haproxy" 2>/dev/null
	rm -rf "$cluster"
	others && return 0
	systemctl reset-failed "$keepalived" 2>/dev/null
	printf '%s\n' "$shared" | while IFS='|' read -r name path _; do
		[ -n "$name" ] && managed "$path" && rm -f "$path"
	done
	systemctl stop 'system-altcos\x2dhaproxy.slice' 2>/dev/null # systemd keeps it for the template
	rmdir "$clusters" "$config/bin" "$config/keepalived" "$config" 2>/dev/null
	rmdir "$runtime/altcos-haproxy" 2>/dev/null
	systemctl daemon-reload
}

# managed PATH: did the provider write the file?
managed() { head -n 2 "$1" 2>/dev/null | grep -q '^# Managed by cluster-api-provider-altcos'; }
