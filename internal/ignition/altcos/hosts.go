// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/nodenetwork"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// appendHosts adds entries to /etc/hosts; the image's own lines stay.
func appendHosts(b *ignition.Builder, entries []HostEntry, path string, problems *problem.List) {
	var text strings.Builder
	for i, e := range entries {
		if !e.Address.IsValid() || e.Address.Zone() != "" {
			problems.Addf(fmt.Sprintf("%s[%d].address", path, i), "must be an IP address")
			continue
		}
		if len(e.Names) == 0 {
			problems.Addf(fmt.Sprintf("%s[%d].names", path, i), "must not be empty")
		}
		for j, name := range e.Names {
			if !nodenetwork.IsDomainName(name) {
				problems.Addf(fmt.Sprintf("%s[%d].names[%d]", path, i, j), "is not a host name")
			}
		}
		text.WriteString(e.Address.String() + " " + strings.Join(e.Names, " ") + "\n")
	}
	if text.Len() > 0 {
		b.Append("/etc/hosts", text.String())
	}
}
