# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: packages (words). apt-get of Debian and of ALT alike.
PATH=$PATH:/usr/sbin:/sbin
DEBIAN_FRONTEND=noninteractive
export PATH DEBIAN_FRONTEND LC_ALL=C
exec 2>&1 </dev/null
trap '' HUP PIPE
command -v apt-get >/dev/null || { echo "there is no apt-get"; exit 1; }
apt-get -q -y update || echo "the package lists could not be refreshed"
# shellcheck disable=SC2086 # words are wanted
apt-get -q -y install $packages
