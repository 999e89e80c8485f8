// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_6"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

func TestRender_keepsTheSpecOfForeignIgnition(t *testing.T) {
	cases := map[string]struct{ in, version string }{
		"3.0.0":              {`{"ignition":{"version":"3.0.0"}}`, "3.2.0"},
		"3.3.0":              {`{"ignition":{"version":"3.3.0"},"kernelArguments":{"shouldExist":["console=ttyS0"]}}`, "3.3.0"},
		"3.4.0":              {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/hostname","contents":{"source":"data:,foreign"}},{"path":"/etc/x","mode":2541}]}}`, "3.4.0"},
		"3.6.0":              {`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/etc/x","mode":2541}]}}`, "3.6.0"},
		"3.5.0 inside 3.1.0": {`{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.5.0%22%7D%7D"}]}}}`, "3.5.0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := mustRender(t, render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(tc.in)}, Node: node("worker01", "10.150.0.171")})
			cfg, rpt, err := v3_6.ParseCompatibleVersion(got)
			if err != nil || len(rpt.Entries) > 0 {
				t.Fatalf("Ignition refuses the config: %v %s", err, rpt.String())
			}
			if !bytes.Contains(got, []byte(`"version":"`+tc.version+`"`)) {
				t.Errorf("got %s", got)
			}
			for _, f := range cfg.Storage.Files {
				if f.Path == "/etc/hostname" && *f.Contents.Source != "data:,worker01%0A" {
					t.Errorf("host name is %s", *f.Contents.Source)
				}
			}
			for _, want := range []string{"console=ttyS0", `"/etc/x"`} {
				if bytes.Contains([]byte(tc.in), []byte(want)) && !bytes.Contains(got, []byte(want)) {
					t.Errorf("%s is lost: %s", want, got)
				}
			}
			if !bytes.Contains(got, []byte("--provider-id=libvirt://")) {
				t.Errorf("the node layer is missing: %s", got)
			}
		})
	}
}

func TestRender_saysWhatIsWrongInNewerIgnition(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"experimental": {`{"ignition":{"version":"3.7.0-experimental"}}`, "bootstrap data: ignition.version: must be a released spec between 3.0.0 and 3.6.0"},
		"of version 2": {`{"ignition":{"version":"2.3.0"}}`, "bootstrap data: ignition.version: must be a released spec between 3.0.0 and 3.6.0"},
		"a bad path":   {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"x"}]}}`, "bootstrap data: line 1 column 61: $.storage.files.0.path: path not absolute"},
		"a unit in the way": {`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/systemd/system/kubelet.service.d/kubeadm.conf"}]}}`,
			"$.storage.files.0.path: path conflicts with systemd unit or dropin"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render.Render(render.Input{Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatIgnition, Value: []byte(tc.in)}, Node: node("worker01", "10.150.0.171")})
			if found := problem.All(err); len(found) == 0 || found[0].Error() != tc.want {
				t.Errorf("got %v", err)
			}
		})
	}
}
