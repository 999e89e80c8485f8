// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
)

var serverName = regexp.MustCompile(`^[A-Za-z0-9:][A-Za-z0-9:._-]*$`)

// ntp configures systemd-timesyncd, which the image has to have in place of ntpd.
func (c *converter) ntp() {
	ntp := c.cfg.NTP
	if ntp == nil || (ntp.Enabled != nil && !*ntp.Enabled) {
		return
	}
	for i, s := range ntp.Servers {
		if !serverName.MatchString(s) {
			c.problems.Addf(fmt.Sprintf("ntp.servers[%d]", i), "must be a host name or an address")
		}
	}
	if len(ntp.Servers) > 0 {
		c.b.File("/etc/systemd/timesyncd.conf.d/50-bootstrap.conf", 0o644, []byte(ignition.UnitText{}.
			Section("Time", ignition.Set("NTP", strings.Join(ntp.Servers, " "))).String()))
	}
	const unit = "systemd-timesyncd.service"
	c.imageUnits = append(c.imageUnits, unit)
	c.b.Config.Systemd.Units = append(c.b.Config.Systemd.Units, types.Unit{Name: unit, Enabled: new(true)})
	c.b.Config.Storage.Links = append(c.b.Config.Storage.Links, types.Link{ // for images where no preset is evaluated
		Node:          types.Node{Path: "/etc/systemd/system/sysinit.target.wants/" + unit, Overwrite: new(true)},
		LinkEmbedded1: types.LinkEmbedded1{Target: "/usr/lib/systemd/system/" + unit},
	})
}
