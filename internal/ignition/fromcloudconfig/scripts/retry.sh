# shellcheck shell=sh
# shellcheck disable=SC2046,SC2086 # lists are split on purpose
altcos_absent() {
  for altcos_file in "$@"; do
    if [ ! -e "$altcos_file" ]; then echo "$altcos_file"; fi
  done
}
altcos_join() {
  altcos_made=$(unset IFS; altcos_absent /etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/pki/ca.crt $(sed -n 's/^caCertPath: //p' /run/kubeadm/kubeadm-join-config.yaml 2> /dev/null))
  altcos_begun=$(altcos_absent /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env)
  altcos_left=20
  until eval "$1"; do
    altcos_status=$?
    altcos_left=$((altcos_left - 1))
    if [ "$(unset IFS; altcos_absent $altcos_begun)" != "$altcos_begun" ]; then altcos_left=0; fi
    if [ "$altcos_left" -le 0 ]; then return "$altcos_status"; fi
    (unset IFS; rm -f $altcos_made)
    echo "altcos-bootstrap: $altcos_at failed with status $altcos_status before it started the kubelet; trying again" >&3
    sleep 20
  done
}
