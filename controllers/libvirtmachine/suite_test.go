// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"os"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/test/envtest"
)

var environment *envtest.Environment

func TestMain(m *testing.M) { os.Exit(envtest.Main(m, &environment)) }
