# Copyright The cluster-api-provider-altcos Authors.
# SPDX-License-Identifier: Apache-2.0
# Set before: file. Removes our drop-in; values stay as they are until the next boot.
if [ -e "$file" ] && head -n 1 "$file" | grep -q '^# Managed by cluster-api-provider-altcos'; then
	rm -f "$file"
fi
