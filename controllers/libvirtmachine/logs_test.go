// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// shell keeps what it was told to run.
type shell struct{ scripts []virt.Script }

func (s *shell) Run(_ context.Context, script virt.Script) ([]byte, error) {
	s.scripts = append(s.scripts, script)
	return nil, nil
}

// useShell lets the host be reached by ssh.
func (w *world) useShell(host *fakevirt.Host) *shell {
	w.t.Helper()
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "hosts-ssh"}, Data: map[string][]byte{
		corev1.SSHAuthPrivateKey: []byte("key"), "known_hosts": []byte("host"),
	}})
	object := &infrav1.LibvirtHost{}
	w.Expect(environment.Client.Get(w.ctx, client.ObjectKey{Name: host.Name()}, object)).To(Succeed())
	object.Spec.URI, object.Spec.CredentialsRef.Name = "qemu+ssh://root@10.150.0.3/system", "hosts-ssh"
	w.Expect(environment.Client.Update(w.ctx, object)).To(Succeed())
	s := &shell{}
	host.SetShell(s)
	return s
}

func TestDelete_removesTheLogsOfItsDomain(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	domain := host.Domains()[0].Name
	w.Expect(shell.scripts).To(BeEmpty())
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(leftovers(host)).To(BeEmpty())
	w.Expect(shell.scripts).To(HaveLen(1))
	w.Expect(shell.scripts[0].Variables).To(HaveKeyWithValue("domain", domain))
}

func TestDelete_waitsForAShellThatDoesNotAnswer(t *testing.T) {
	for name, method := range map[string]fakevirt.Method{
		"when it is opened": fakevirt.MethodShell, "when it is used": fakevirt.MethodRunScript,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			shell := w.useShell(host)
			w.addMachine("m")
			w.Expect(w.settle("m")).To(Succeed())
			host.Inject(method, fakevirt.Fault{Err: virt.ErrUnreachable})
			w.delete("m")
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(conditions.GetReason(w.get("m"), infrav1.ReadyCondition)).To(Equal(infrav1.LibvirtMachineHostUnreachableReason))
			w.Expect(leftovers(host)).To(BeEmpty(), "logs come last")
			host.ClearFaults()
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(w.exists("m")).To(BeFalse())
			w.Expect(shell.scripts).To(HaveLen(1))
		})
	}
}

func TestDelete_isNotHeldUpByLogs(t *testing.T) {
	for name, test := range map[string]struct {
		method fakevirt.Method
		err    error
		told   bool
	}{
		"a host whose URI gives no shell": {fakevirt.MethodShell, virt.ErrUnsupported, false},
		"a host that refuses":             {fakevirt.MethodRunScript, errors.New("sudo: a password is required"), true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			w.useShell(host)
			host.Inject(test.method, fakevirt.Fault{Err: test.err})
			w.addMachine("m")
			w.Expect(w.settle("m")).To(Succeed())
			w.delete("m")
			w.Expect(w.settle("m")).To(Succeed())
			w.Expect(w.exists("m")).To(BeFalse())
			w.Expect(leftovers(host)).To(BeEmpty())
			w.Expect(w.told("LogsRemain")).To(Equal(test.told))
		})
	}
}

func TestDelete_removesLogsAlthoughVolumesAreGivenUp(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.Apply(fakevirt.WithoutPools())
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(shell.scripts).To(BeEmpty())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(shell.scripts).To(HaveLen(1))
}

func TestDelete_leavesTheLogsOfAForeignDomain(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	host.PutDomain(virt.Domain{UUID: string(w.get("m").UID), Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Expect(w.settle("m")).To(Succeed())
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
	w.Expect(shell.scripts).To(BeEmpty())
}

// told says whether an event of the reason was recorded until now.
func (w *world) told(reason string) bool {
	for {
		select {
		case event := <-w.events.Events:
			if strings.Contains(event, reason) {
				return true
			}
		default:
			return false
		}
	}
}
