# shellcheck shell=sh disable=SC1091,SC2024 # the completion is made here; the copy is to be of the user who logs in
# kubectl for root and for altcos: root uses the admin's kubeconfig where it is, altcos gets a copy once.
# It asks nothing, prints nothing and does nothing on nodes without a kubeconfig.
if [ "$(id -u)" = 0 ]; then
  if [ -r /etc/kubernetes/admin.conf ]; then
    export KUBECONFIG=/etc/kubernetes/admin.conf
  fi
elif [ "$(id -un)" = altcos ] && [ -f /etc/kubernetes/admin.conf ] && [ ! -e "$HOME/.kube/config" ]; then
  (
    umask 077
    mkdir -p "$HOME/.kube" &&
      sudo -n cat /etc/kubernetes/admin.conf > "$HOME/.kube/config.new" &&
      mv "$HOME/.kube/config.new" "$HOME/.kube/config" &&
      kubectl completion bash > "$HOME/.kube/completion.bash"
  ) 2>/dev/null || rm -f "$HOME/.kube/config.new"
fi
if [ -n "${BASH_VERSION:-}" ] && [ -r "$HOME/.kube/completion.bash" ]; then
  . "$HOME/.kube/completion.bash"
fi
