// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"fmt"
	"strconv"
)

// advertInterval is the time between VRRP adverts in seconds; a silent master is replaced after three of them.
const advertInterval = "0.3"

// renderKeepalived writes the cluster's fragment without header. All hosts start as BACKUP and none preempts, so that a
// repaired host does not take the VIP back. There are no weights, because with nopreempt they never cause a failover; a
// failed check puts the instance into FAULT.
func renderKeepalived(c Cluster, m Member, layout Layout) ([]byte, error) {
	t := &text{}
	name := "altcos_" + c.ID
	monitor := monitorAddress(c.ID)
	t.block([]string{"vrrp_script", name}, func() {
		check := fmt.Sprintf("%s %s %d", layout.checkScript(), monitor.Addr(), monitor.Port())
		t.raw("script \"" + check + "\"")
		t.line("interval", "1")
		t.line("timeout", "1")
		t.line("fall", "1")
		t.line("rise", "2")
		t.line("init_fail")
	})
	t.block([]string{"vrrp_instance", name}, func() {
		t.line("state", "BACKUP")
		t.line("nopreempt")
		t.line("interface", m.Bridge)
		t.line("virtual_router_id", strconv.Itoa(int(c.VRID)))
		t.line("priority", strconv.Itoa(int(m.Priority)))
		t.line("version", "3")
		t.line("advert_int", advertInterval)
		renderPeers(t, m)
		t.block([]string{"virtual_ipaddress"}, func() {
			t.line(c.VIP.String(), "dev", m.Bridge)
		})
		t.block([]string{"track_script"}, func() { t.line(name) })
	})
	return t.bytes()
}

// renderPeers names the other hosts. Without any, keepalived rejects the unicast keywords and sends adverts by multicast.
func renderPeers(t *text, m Member) {
	if len(m.Peers) == 0 {
		return
	}
	t.line("unicast_src_ip", m.Address.String())
	t.block([]string{"unicast_peer"}, func() {
		for _, peer := range m.Peers {
			t.line(peer.String())
		}
	})
}

// renderKeepalivedMain writes the file that includes the fragments of all clusters.
func renderKeepalivedMain(layout Layout) ([]byte, error) {
	t := &text{}
	t.block([]string{"global_defs"}, func() {
		t.line("router_id", "altcos")
		// Any user but root makes "keepalived -t" of 2.2.7 kill itself (it mistakes the change of user for the death of
		// its parent); script security rejects a check script that others than root can write.
		t.line("script_user", "root")
		t.line("enable_script_security")
		t.line("vrrp_garp_master_refresh", "60") // switches that were rebooted learn the VIP again
		t.line("vrrp_priority", "-20")           // adverts must go out on a busy host too
	})
	t.line("include", layout.fragments())
	return t.bytes()
}
