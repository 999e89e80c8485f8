// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package hypervisor

import (
	"errors"
	"os"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// Open returns the host whose state directory is stateDir as it is. It starts nothing; a host that is off, or was never
// there, answers ErrOff to what needs a running one.
func Open(network *segment.Segment, name, stateDir string) (*Host, error) {
	found, err := readState(stateDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return &Host{Name: name, segment: network, dir: stateDir, state: found}, nil
}
