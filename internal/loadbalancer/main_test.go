// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"context"
	"fmt"
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
