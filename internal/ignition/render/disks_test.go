// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

func TestUnknownDisks_saysWhichDiskTheMachineLacks(t *testing.T) {
	profile := string(mustRender(t, render.Input{Profile: &altcos.Profile{ContainerStorage: altcos.ContainerStorage{Device: altcos.DeviceBySerial("data")}},
		Bootstrap: cloudConfig(t, cabpk.Worker), Node: node("worker01", "10.150.0.171")}))
	cases := map[string]struct {
		config  string
		serials []string
		want    []string
	}{
		"all are there":                   {profile, []string{"root", "data"}, nil},
		"the container disk is not":       {profile, []string{"root", "date"}, []string{"storage.disks[0].device"}},
		"none is wanted":                  {`{}`, []string{"root"}, nil},
		"disks of other names":            {`{"storage":{"disks":[{"device":"/dev/vdb"},{"device":"/dev/disk/by-id/coreos-boot-disk"}]}}`, []string{"root"}, nil},
		"a file system without partition": {`{"storage":{"filesystems":[{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_b-part1"}]}}`, []string{"root", "b"}, nil},
		"a disk named like a partition":   {`{"storage":{"disks":[{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_b-part1"}]}}`, []string{"b-part1"}, nil},
		"a file system on another's disk": {`{"storage":{"filesystems":[{"device":"/dev/vdb"},{"device":"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_c-part1"}]}}`, []string{"root", "b"}, []string{"storage.filesystems[1].device"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range problem.All(render.UnknownDisks([]byte(tc.config), tc.serials)) {
				got = append(got, p.Path)
			}
			assert.Equal(t, tc.want, got)
		})
	}
	if err := render.UnknownDisks([]byte("x"), nil); err == nil || render.IsInputError(err) {
		t.Errorf("got %v", err)
	}
}
