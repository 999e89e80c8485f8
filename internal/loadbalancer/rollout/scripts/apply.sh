# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: owner description write_tree write_shared (names) touch_haproxy touch_keepalived. Stdin is a tar archive with
# tree/* and shared/*.
stage=
new=
old=
switched=
committed=

# restore PATH NAME: put a shared file back as it was.
restore() {
	if [ -e "$stage/backup/$2" ]; then
		mv -f "$stage/backup/$2" "$1"
	else
		rm -f "$1"
	fi
}

# rollback: restore what was there before, at every exit without success.
rollback() {
	[ -z "$committed" ] || return 0
	if [ -z "$old" ] && ! others; then
		rm -rf "$stage"
		drop_cluster >/dev/null 2>&1
		return 0
	fi
	printf '%s\n' "$shared" | while IFS='|' read -r name path _; do
		[ -n "$name" ] && [ -e "$stage/installed/$name" ] && restore "$path" "$name"
	done
	systemctl daemon-reload
	if [ -z "$old" ]; then
		drop_cluster >/dev/null 2>&1
	else
		[ -n "$switched" ] && ln -s "$old" "$stage/back" && mv -T "$stage/back" "$current"
		[ -n "$new" ] && rm -rf "$new"
		[ "$touch_haproxy" = 1 ] && refresh "$haproxy" >/dev/null 2>&1
		[ "$touch_keepalived" = 1 ] && refresh "$keepalived" >/dev/null 2>&1
	fi
	[ -n "$stage" ] && rm -rf "$stage"
}

fail() {
	rollback
	committed=1
	finish "$1" "$2"
}

# validate PROGRAM ARGUMENT...: does the program accept the configuration? A program that cannot run does not answer that.
validate() {
	problem=$(timeout 30 "$@" 2>&1)
	code=$?
	[ $code -lt 124 ] || fail "run-$1" "$problem"
	[ $code -eq 0 ] || fail "validate-$1" "$problem"
}

lock
found=$(owner)
[ -z "$found" ] || [ "$found" = "$owner" ] || finish not-owned "$found"
[ -e "$current" ] && old=$(readlink "$current")
trap rollback EXIT
mkdir -p "$config/bin" "$config/keepalived" "$clusters" || fail stage "cannot make $config"
rm -rf "$config"/.stage.*
stage=$(mktemp -d "$config/.stage.XXXXXXXX") || fail stage "cannot make a directory in $config"
mkdir "$stage/backup" "$stage/installed"
problem=$(tar -x -C "$stage" --no-same-owner -f - 2>&1) || fail stage "$problem"

units_changed=
for wanted in $write_shared; do
	line=$(printf '%s\n' "$shared" | grep "^$wanted|")
	mode=${line##*|}
	path=${line#*|}
	path=${path%|*}
	if [ -e "$path" ]; then
		managed "$path" || fail not-owned "$path"
		cp -p "$path" "$stage/backup/$wanted" || fail shared "cannot back up $path"
	fi
	if ! cp "$stage/shared/$wanted" "$path.altcos-new" || ! chmod "$mode" "$path.altcos-new" ||
		! touch "$stage/installed/$wanted" || ! mv -f "$path.altcos-new" "$path"; then
		fail shared "cannot write $path"
	fi
	units_changed=1
done

if [ "$write_tree" = 1 ]; then
	mkdir -p "$cluster" || fail stage "cannot make $cluster"
	new=$(mktemp -d "$cluster/v-XXXXXXXX") || fail stage "cannot make a directory in $cluster"
	if ! cp "$stage"/tree/* "$new"/ || ! chmod 0755 "$new" || ! chmod 0644 "$new"/*; then
		fail stage "cannot write $new"
	fi
	sync -f "$new" 2>/dev/null || sync
	validate haproxy -c -q -C "$new" -f "$new/haproxy.cfg"
	{
		grep -v '^include ' "$main"
		echo "include $new/keepalived.conf"
		for other in "$clusters"/*/current/keepalived.conf; do
			[ -f "$other" ] && [ "$other" != "$current/keepalived.conf" ] && echo "include $other"
		done
	} >"$stage/keepalived.conf"
	validate keepalived --config-test --use-file="$stage/keepalived.conf"
	switched=1
	if ! ln -s "${new##*/}" "$stage/link" || ! mv -T "$stage/link" "$current"; then
		fail switch "cannot replace $current"
	fi
fi

[ -z "$units_changed" ] || systemctl daemon-reload
if [ "$touch_haproxy" = 1 ]; then
	problem=$(refresh "$haproxy" 2>&1) || fail reload-haproxy "$problem"
fi
tries=0
until [ "$(description)" = "$description" ]; do
	tries=$((tries + 1))
	[ $tries -lt 20 ] || fail verify-haproxy "$(systemctl status --no-pager --lines=20 "$haproxy" 2>&1 | tail -c 2000)"
	sleep 0.5
done
active "$keepalived" && [ "$(recorded)" = "$(assembled)" ] || touch_keepalived=1
if [ "$touch_keepalived" = 1 ]; then
	problem=$(refresh "$keepalived" 2>&1) || fail reload-keepalived "$problem"
	sleep 1
fi
tries=0
until active "$keepalived" && [ "$(recorded)" = "$(assembled)" ]; do
	tries=$((tries + 1))
	[ $tries -lt 10 ] || fail verify-keepalived "$(systemctl status --no-pager --lines=20 "$keepalived" 2>&1 | tail -c 2000)"
	sleep 0.5
done
problem=$(systemctl enable --quiet "$haproxy" "$keepalived" 2>&1) || fail enable "$problem"

committed=1
if [ -n "$new" ]; then
	[ -z "$old" ] || { ln -s "$old" "$stage/previous" && mv -T "$stage/previous" "$cluster/previous"; }
	for version in "$cluster"/v-*; do
		case ${version##*/} in "${new##*/}" | "$old") ;; *) rm -rf "$version" ;; esac
	done
fi
rm -rf "$stage"
finish 'done' ''
