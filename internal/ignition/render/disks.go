// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

var partitionSuffix = regexp.MustCompile(`-part[0-9]+$`)

// UnknownDisks returns, as problem.Problem values with paths of the config, the disks that a rendered config names by
// serials which the machine lacks: Ignition would wait for them, and the machine would never start. serials are those of
// all the machine's disks.
func UnknownDisks(config []byte, serials []string) error {
	type device struct {
		Device string `json:"device"`
	}
	var wanted struct {
		Storage struct {
			Disks       []device `json:"disks"`
			Filesystems []device `json:"filesystems"`
			Luks        []device `json:"luks"`
		} `json:"storage"`
	}
	if err := json.Unmarshal(config, &wanted); err != nil {
		return fmt.Errorf("look for disks: the config is not JSON")
	}
	var problems problem.List
	reported := map[string]bool{}
	for _, list := range []struct {
		name    string
		devices []device
	}{{"disks", wanted.Storage.Disks}, {"filesystems", wanted.Storage.Filesystems}, {"luks", wanted.Storage.Luks}} {
		for i, d := range list.devices {
			serial, bySerial := strings.CutPrefix(d.Device, altcos.DeviceBySerial(""))
			disk := partitionSuffix.ReplaceAllString(serial, "")
			if !bySerial || reported[disk] || slices.Contains(serials, serial) || slices.Contains(serials, disk) {
				continue
			}
			reported[disk] = true
			problems.Addf(fmt.Sprintf("storage.%s[%d].device", list.name, i),
				"is a data disk that the machine does not have: containerStorage.dataDisk of the profile, and whatever else names a disk by its serial, must be one of %s", strings.Join(serials, ", "))
		}
	}
	return problems.Err()
}
