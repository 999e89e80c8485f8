// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// What other providers for libvirt got wrong.

func TestNames_areFreeInEachNamespace(t *testing.T) {
	one, two := newWorld(t), newWorld(t)
	host := one.addHost("a")
	object := &infrav1.LibvirtHost{}
	one.Expect(environment.Client.Get(one.ctx, client.ObjectKey{Name: host.Name()}, object)).To(Succeed())
	object.Spec.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
		Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: []string{one.namespace, two.namespace},
	}}}
	one.Expect(environment.Client.Update(one.ctx, object)).To(Succeed())
	two.reconciler.Hosts.Connector, two.reconciler.Ledger = one.reconciler.Hosts.Connector, one.reconciler.Ledger
	for _, w := range []*world{one, two} {
		w.addMachine("m")
		w.Expect(w.settle("m")).To(Succeed())
		w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue(), "%v", w.get("m").Status.Conditions)
	}
	domains := host.Domains()
	one.Expect(domains).To(HaveLen(2))
	one.Expect(domains[0].Name).NotTo(Equal(domains[1].Name))
	one.Expect(domains[0].DiskPaths).NotTo(ContainElements(domains[1].DiskPaths))

	two.delete("m")
	two.Expect(two.settle("m")).To(Succeed())
	one.Expect(host.Domains()).To(HaveLen(1))
	one.Expect(host.Domains()[0].UUID).To(Equal(string(one.get("m").UID)))
	one.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))
	for _, name := range leftovers(host) {
		one.Expect(strings.HasPrefix(name, "domain "+one.namespace) || strings.HasPrefix(name, "volume "+string(one.get("m").UID))).To(BeTrue(), name)
	}
	one.Expect(one.settle("m")).To(Succeed())
	one.Expect(conditions.IsTrue(one.get("m"), infrav1.ReadyCondition)).To(BeTrue())
	one.delete("m")
	one.Expect(one.settle("m")).To(Succeed())
	one.Expect(leftovers(host)).To(BeEmpty())
}

// TestDrift_isLeftToWhoMadeIt: a person who gives a machine other memory, or other CPUs, keeps both the machine and those.
func TestDrift_isLeftToWhoMadeIt(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.join("m")
	w.Expect(w.settle("m")).To(Succeed())
	before := host.Domains()[0]
	changes := func() (n int) {
		for _, method := range []fakevirt.Method{
			fakevirt.MethodDefineDomain, fakevirt.MethodStartDomain, fakevirt.MethodScrubDomain, fakevirt.MethodRemoveDomain,
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
		w.Expect(w.settle("m")).To(Succeed())
		w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue(), name)
		w.Expect(host.Domains()).To(ConsistOf(drifted), name)
		w.Expect(changes()).To(Equal(made), name)
	}
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(leftovers(host)).To(BeEmpty())
}

// TestLogs_holdNoSecrets reads all that is logged and told, at the highest verbosity, while every call fails once.
func TestLogs_holdNoSecrets(t *testing.T) {
	const token, password = "s3cr3t+/token", "p4ssw0rd"
	var mutex sync.Mutex
	var logged strings.Builder
	write := func(text string) {
		mutex.Lock()
		defer mutex.Unlock()
		logged.WriteString(text + "\n")
	}
	logger := funcr.New(func(prefix, args string) { write(prefix + " " + args) }, funcr.Options{Verbosity: 5})
	for name, data := range map[string][2]string{
		"data that works":     {"cloud-config", "#cloud-config\nwrite_files:\n- path: /etc/token\n  content: " + token + "\nruncmd:\n- echo " + password + "\n"},
		"an unknown key":      {"cloud-config", "#cloud-config\nunknown: " + token + "\n"},
		"no YAML":             {"cloud-config", "#cloud-config\n\t" + token + ": [" + password},
		"a path that is none": {"cloud-config", "#cloud-config\nwrite_files:\n- path: relative\n  content: " + token + password + "\n"},
		"Ignition of spec 2":  {"ignition", `{"ignition":{"version":"2.3.0"},"x":"` + token + `"}`},
		"broken Ignition":     {"ignition", `{"ignition":{"version":"3.2.0"},"` + token + `"`},
		"no known format":     {"unknown", token + password},
	} {
		w := newWorld(t)
		w.ctx = ctrl.LoggerInto(w.ctx, logger)
		host := w.addHost("a")
		w.addMachine("m")
		w.setSecret(data[0], data[1])
		for _, method := range methods() {
			host.Inject(method, fakevirt.Fault{Err: errBroken, Times: 1})
		}
		for range 40 {
			w.answerClaims()
			if _, err := w.reconcile("m"); err != nil {
				write(err.Error()) // controller-runtime logs it
			}
		}
		if name == "data that works" {
			w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue(), "%v", w.get("m").Status.Conditions)
		}
		for _, c := range w.get("m").Status.Conditions {
			write(c.Message)
		}
		w.delete("m")
		w.Expect(w.settle("m")).To(Succeed())
		write(strings.Join(w.allTold(), "\n"))
		w.Expect(logged.String()).To(ContainSubstring("Placing machine"), "logs are captured")
		for line := range strings.Lines(logged.String()) {
			for _, secret := range []string{token, password} {
				for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), url.PathEscape(secret)} {
					w.Expect(line).NotTo(ContainSubstring(form), name)
				}
			}
		}
	}
}
