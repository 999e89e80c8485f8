#!/bin/sh
# flannel.sh MANIFEST COPY IPV4 IPV6: copies flannel's manifest with these networks for pods; - stands for none.
# Only the line of net-conf.json that sets Network is changed. A manifest that is written otherwise is refused.
set -eu
umask 077
refuse() {
  echo "altcos-network-plugin: $1: $2; set networkPlugin of the profile to a manifest of your own" >&2
  exit 1
}
families='"(EnableIPv4|EnableIPv6|IPv6Network)"'
network='^( *)"Network": *("[0-9./]+")( *,?) *$'
set_by="\"Network\": \"$3\""
if [ "$3" = - ]; then
  set_by='"EnableIPv4": false, "Network": \2'
fi
if [ "$4" != - ]; then
  set_by="\"EnableIPv6\": true, \"IPv6Network\": \"$4\", $set_by"
fi
[ "$(grep -cE "$network" "$1")" = 1 ] || refuse "$1" 'there is not one line that sets Network'
sed -E -e "/^ *$families: *[^,{]+, *\$/d" "$1" > "$2.new"
! grep -qE "$families" "$2.new" || refuse "$1" 'address families are set in a way that is unknown'
sed -E -e "s|$network|\\1$set_by\\3|" "$2.new" > "$2"
rm -f "$2.new"
