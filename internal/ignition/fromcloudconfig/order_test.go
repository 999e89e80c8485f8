// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"fmt"
	"strings"
	"testing"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/fromcloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// TestScript_stopsAtTheFirstCommandThatFails runs generated machines, each with one command that fails or none: those
// before it ran in the order of the spec, those after it did not, and the sentinel exists when kubeadm succeeded.
func TestScript_stopsAtTheFirstCommandThatFails(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := cabpk.NewGenerator(seed, nil)
			m := cabpk.Machine{Kind: kinds[seed%3], Version: g.Machine(cabpk.Init).Version}
			pre, post := g.IntN(4), g.IntN(4)
			bad := g.IntN(pre+post+2) - 1 // -1 is none, pre is kubeadm
			if m.Kind != cabpk.Init && bad == pre {
				bad = -1 // a join is tried again, which has its own test
			}
			var order []string
			for i := range pre + post + 1 {
				if i == pre {
					if bad < 0 || bad >= i {
						order = append(order, "kubeadm")
					}
					continue
				}
				// a command that swallows what follows, or ends the shell, must not get away with it
				note := fmt.Sprintf("it's %d \"$(echo '#')", i)
				command := "echo '" + strings.ReplaceAll(note, "'", `'\''`) + "' >> /order"
				if i == bad {
					command += []string{"\nfalse", "; exit 7", "; (exit 3)\necho no >> /order", "; nosuchcommand", "; exit 0"}[g.IntN(5)]
				} else {
					command += []string{"", " # '", "\n", "; false || true", "; cd /", " && set +e"}[g.IntN(6)]
				}
				if bad < 0 || i <= bad {
					order = append(order, note)
				}
				if i < pre {
					m.Spec.PreKubeadmCommands = append(m.Spec.PreKubeadmCommands, command)
				} else {
					m.Spec.PostKubeadmCommands = append(m.Spec.PostKubeadmCommands, command)
				}
			}
			m.Spec.JoinConfiguration.Discovery.BootstrapToken = bootstrapv1.BootstrapTokenDiscovery{Token: "abcdef.0123456789abcdef", APIServerEndpoint: "10.0.0.1:6443"}
			checkRun(t, m, bad, pre, order)
		})
	}
}

func checkRun(t *testing.T, m cabpk.Machine, bad, kubeadm int, order []string) {
	t.Helper()
	cfg, err := cloudconfig.Parse(m.CloudConfig(t), cloudconfig.InstanceData{})
	assert.NoError(t, err)
	result, err := fromcloudconfig.Convert(cfg)
	assert.NoError(t, err)
	exit := "exit 0"
	if bad == kubeadm {
		exit = "exit 5"
	}
	guest := start(t, result.Layer.Config, exit)
	console, ok := guest.run(t)
	if ok != (bad < 0) {
		t.Errorf("success: %t\n%s\n%s", ok, console, guest.read(altcos.StateDir+"/bootstrap.log"))
	}
	var got []string
	for line := range strings.Lines(guest.read("/order")) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "kubeadm ") {
			line = "kubeadm"
		}
		got = append(got, line)
	}
	if len(order) == 0 {
		order = []string{"no such file"}
	}
	assert.Equal(t, order, got)
	joined := bad < 0 || bad > kubeadm
	if sentinel := guest.read("/run/cluster-api/bootstrap-success.complete") == "success\n"; sentinel != joined {
		t.Errorf("sentinel is there: %t, kubeadm succeeded: %t", sentinel, joined)
	}
	if done := guest.read(altcos.StateDir+"/bootstrap.done") == ""; done != (bad < 0) {
		t.Errorf("done: %t", done)
	}
}
