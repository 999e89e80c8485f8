#!/bin/bash
# check-haproxy ADDRESS PORT: is the haproxy that serves this monitor address alive?
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3 || exit 1
IFS= read -r -t 1 answer <&3 || exit 1
case $answer in
"HTTP/1."?" 200 "*) exit 0 ;;
esac
exit 1
