// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// What other providers for libvirt got wrong.

func TestNames_areFreeInEachNamespace(t *testing.T) {
	one, two := newWorld(t), newWorld(t)
	host := one.addHost("a")
	fixture.Change(one, "a", builder.OnlyFor(one.Namespace, two.Namespace))
	two.Reconciler.Hosts.Connector, two.Reconciler.Ledger = one.Reconciler.Hosts.Connector, one.Reconciler.Ledger
	for _, w := range []*world{one, two} {
		w.addMachine("m")
		w.ExpectReady("m")
	}
	domains := host.Domains()
	one.Expect(domains).To(HaveLen(2))
	one.Expect(domains[0].Name).NotTo(Equal(domains[1].Name))
	one.Expect(domains[0].DiskPaths).NotTo(ContainElements(domains[1].DiskPaths))

	two.remove("m")
	one.Expect(host.Domains()).To(HaveLen(1))
	one.Expect(host.Domains()[0].UUID).To(Equal(string(one.Get("m").UID)))
	one.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))
	for _, name := range leftovers(host) {
		one.Expect(strings.HasPrefix(name, "domain "+one.Namespace) || strings.HasPrefix(name, "volume "+string(one.Get("m").UID))).To(BeTrue(), name)
	}
	one.ExpectReady("m")
	one.remove("m")
	one.Expect(leftovers(host)).To(BeEmpty())
}

// TestDrift_isLeftToWhoMadeIt: a person who gives a machine other memory, or other CPUs, keeps both the machine and those.
func TestDrift_isLeftToWhoMadeIt(t *testing.T) {
	w, host := newRunning(t)
	w.join("m")
	w.Converged("m")
	before := host.Domains()[0]
	changes := func() (n int) {
		for _, method := range []fakevirt.Method{
			fakevirt.MethodDefineDomain, fakevirt.MethodStartDomain, fakevirt.MethodRemoveFirmwareConfig, fakevirt.MethodRemoveDomain,
			fakevirt.MethodCreateVolume, fakevirt.MethodWriteVolume,
		} {
			n += host.Calls(method)
		}
		return n
	}
	made := changes()
	for name, change := range map[string]func(*virt.Domain){
		"setmem, smaller": func(d *virt.Domain) { d.MemoryBytes /= 2 },
		"setmem, larger":  func(d *virt.Domain) { d.MemoryBytes *= 2 },
		"setvcpus":        func(d *virt.Domain) { d.VCPUs++ },
	} {
		drifted := before
		change(&drifted)
		host.PutDomain(drifted)
		w.Converged("m")
		w.Expect(w.isReady("m")).To(BeTrue(), name)
		w.Expect(host.Domains()).To(ConsistOf(drifted), name)
		w.Expect(changes()).To(Equal(made), name)
	}
	w.removeFrom(host, "m")
}

// TestLogs_holdNoSecrets reads all that is logged and told, at the highest verbosity, while every call fails once.
func TestLogs_holdNoSecrets(t *testing.T) {
	const token, password = "s3cr3t+/token", "p4ssw0rd"
	for name, data := range map[string][2]string{
		"data that works":     {"cloud-config", "#cloud-config\nwrite_files:\n- path: /etc/token\n  content: " + token + "\nruncmd:\n- echo " + password + "\n"},
		"an unknown key":      {"cloud-config", "#cloud-config\nunknown: " + token + "\n"},
		"no YAML":             {"cloud-config", "#cloud-config\n\t" + token + ": [" + password},
		"a path that is none": {"cloud-config", "#cloud-config\nwrite_files:\n- path: relative\n  content: " + token + password + "\n"},
		"Ignition of spec 2":  {"ignition", `{"ignition":{"version":"2.3.0"},"x":"` + token + `"}`},
		"broken Ignition":     {"ignition", `{"ignition":{"version":"3.2.0"},"` + token + `"`},
		"no known format":     {"unknown", token + password},
	} {
		var all strings.Builder
		w, host := newMachine(t)
		w.setSecret(data[0], data[1])
		for _, method := range methods() {
			host.Inject(method, fakevirt.Fault{Err: errBroken, Times: 1})
		}
		for range 40 {
			w.answerClaims()
			if _, err := w.Reconcile("m"); err != nil {
				fmt.Fprintln(&all, err) // controller-runtime logs it
			}
		}
		if name == "data that works" {
			w.ExpectTrue("m", infrav1.ReadyCondition)
		}
		for _, c := range w.Get("m").Status.Conditions {
			fmt.Fprintln(&all, c.Message)
		}
		w.remove("m")
		w.Expect(w.Logs()).To(ContainSubstring("Placing machine"), "logs are captured")
		fmt.Fprintln(&all, w.Told(), w.Logs())
		for line := range strings.Lines(all.String()) {
			for _, secret := range []string{token, password} {
				for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret)} {
					w.Expect(line).NotTo(ContainSubstring(form), name)
				}
			}
		}
	}
}
