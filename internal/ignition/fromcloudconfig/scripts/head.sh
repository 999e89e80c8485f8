#!/bin/sh
# shellcheck disable=SC1010,SC2317,SC2329 # done is a value; the steps that follow call these functions
umask 022
exec 3>&1
if [ -e /var/lib/altcos-bootstrap/bootstrap.started ]; then
  if [ -e /var/lib/altcos-bootstrap/kubeadm.done ]; then
    echo 'altcos-bootstrap: this is a node, but the commands after kubeadm were interrupted and are not repeated' >&3
  else
    echo 'altcos-bootstrap: an earlier attempt was interrupted; this machine must be replaced' >&3
  fi
  exit 1
fi
(umask 077; : > /var/lib/altcos-bootstrap/bootstrap.started; : >> /var/lib/altcos-bootstrap/bootstrap.log)
exec >> /var/lib/altcos-bootstrap/bootstrap.log 2>&1
altcos_at='start'
altcos_finish() {
  altcos_status=$?
  if [ "$altcos_at" = done ]; then
    echo 'altcos-bootstrap: done' >&3
    exit 0
  fi
  if [ "$altcos_status" = 0 ]; then
    altcos_status=1
    altcos_why='ended the script'
  else
    altcos_why="failed with status $altcos_status"
  fi
  echo "altcos-bootstrap: $altcos_at $altcos_why; see /var/lib/altcos-bootstrap/bootstrap.log" >&3
  exit "$altcos_status"
}
trap altcos_finish EXIT
altcos_step() {
  altcos_at=$1
  echo "altcos-bootstrap: $altcos_at" >&3
  echo "=== $altcos_at"
  set -e
}
set -e
mkdir -p /run/cluster-api
