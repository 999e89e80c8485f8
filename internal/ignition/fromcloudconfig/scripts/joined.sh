# shellcheck shell=sh
touch /var/lib/altcos-bootstrap/kubeadm.done
echo success > /run/cluster-api/bootstrap-success.complete
mkdir -p /etc/tmpfiles.d
echo 'f /run/cluster-api/bootstrap-success.complete 0644 - - - success' > /etc/tmpfiles.d/altcos-bootstrap.conf
find /var/lib/altcos-bootstrap/stage -type f -exec shred -u {} + 2>/dev/null || true
rm -rf /var/lib/altcos-bootstrap/stage
