// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package sshexec_test

import (
	"errors"
	"os/exec"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/sshexec"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

func TestText_quotesEveryValue(t *testing.T) {
	hostile := "x'; echo injected; $(echo injected) `echo injected` \\'\n"
	text, err := sshexec.Text(virt.Script{
		Body: `printf '%s|%s' "$vip" "$empty"`, Variables: map[string]string{"vip": hostile, "empty": ""},
	})
	assert.NoError(t, err)
	out, err := exec.Command("sh", "-c", text).Output()
	if err != nil || string(out) != hostile+"|" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestText_refusesWhatNoShellCanHold(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"a command as a name": {"x;reboot": ""}, "an empty name": {"": ""}, "upper case, as PATH": {"PATH": "/"}, "a NUL byte": {"x": "a\x00b"},
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := sshexec.Text(virt.Script{Variables: variables}); !errors.Is(err, virt.ErrInvalid) {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}
