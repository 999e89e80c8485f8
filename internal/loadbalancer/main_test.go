// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
)

// TestMain installs the daemons that check what is rendered.
func TestMain(m *testing.M) {
	if err := packages.Ensure(context.Background(), "haproxy", "keepalived", "iproute2", "util-linux"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}

const sampleID = "7c9d2f4e-demo"

func sampleCluster() Cluster {
	return Cluster{
		ID: sampleID, Owner: "3f0c-owner", Name: "team-a/demo", Generation: 4,
		VIP: netip.MustParsePrefix("10.150.0.160/24"), Port: 8443, VRID: 61,
		Backends: []Backend{
			{Name: "master02", Address: netip.MustParseAddrPort("10.150.0.162:6443")},
			{Name: "master01", Address: netip.MustParseAddrPort("10.150.0.161:6443")},
		},
	}
}

func sampleMember() Member {
	return Member{
		Bridge: "br0", Address: netip.MustParseAddr("10.150.0.11"), Priority: 254,
		Peers: []netip.Addr{netip.MustParseAddr("10.150.0.13"), netip.MustParseAddr("10.150.0.12")},
	}
}

// sampleCA is a reviewed file, so that goldens do not change with every run.
func sampleCA(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	return content
}
