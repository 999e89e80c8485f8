# shellcheck shell=sh
# shellcheck disable=SC1010,SC2034 # done is a value, and head.sh reads it
rm -rf /var/lib/altcos-bootstrap/stage /run/kubeadm
touch /var/lib/altcos-bootstrap/bootstrap.done
altcos_at=done
