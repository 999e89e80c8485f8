// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrapdata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
)

func TestRead_tellsWhatItHolds(t *testing.T) {
	ignition := func(version string) string { return `{"ignition":{"version":"` + version + `"}}` }
	cases := map[string]struct {
		format, value string
		want          bootstrapdata.Format
		reason        string
	}{
		"cloud-config":                        {"cloud-config", "#cloud-config", bootstrapdata.FormatCloudConfig, ""},
		"no format, which means cloud-config": {"", "#cloud-config", bootstrapdata.FormatCloudConfig, ""},
		"Ignition 3.0.0":                      {"ignition", ignition("3.0.0"), bootstrapdata.FormatIgnition, ""},
		"Ignition 3.2.0":                      {"ignition", ignition("3.2.0"), bootstrapdata.FormatIgnition, ""},
		"Ignition 2.3.0 of CABPK":             {"ignition", ignition("2.3.0"), "", "set its format to cloud-config"},
		"Ignition 3.6.0":                      {"ignition", ignition("3.6.0"), bootstrapdata.FormatIgnition, ""},
		"Ignition 3.7.0":                      {"ignition", ignition("3.7.0"), "", "is not a released version between 3.0.0 and 3.6.0"},
		"an experimental Ignition":            {"ignition", ignition("3.7.0-experimental"), "", "is not a released version"},
		"Ignition without version":            {"ignition", "{}", "", "its spec version is not known"},
		"Ignition of version 3":               {"ignition", ignition("3"), "", "is not a released version"},
		"Ignition that is no JSON":            {"ignition", "x", "", "it is not a JSON object"},
		"an unknown format":                   {"talos", "x", "", "known formats are"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := bootstrapdata.Read(map[string][]byte{"value": []byte(tc.value), "format": []byte(tc.format)})
			var refused *bootstrapdata.UnsupportedError
			switch {
			case tc.reason == "" && (err != nil || got.Format != tc.want || string(got.Value) != tc.value):
				t.Errorf("got %v, %v", got.Format, err)
			case tc.reason != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Reason, tc.reason)):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRead_saysWhenThereIsNothingYet(t *testing.T) {
	if _, err := bootstrapdata.Read(nil); !errors.Is(err, bootstrapdata.ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestRead_neverRepeatsUnprintableInput(t *testing.T) {
	_, err := bootstrapdata.Read(map[string][]byte{"value": []byte("x"), "format": []byte("\x1b[31m" + strings.Repeat("a", 100))})
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
}
