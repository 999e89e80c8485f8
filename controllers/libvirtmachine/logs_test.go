// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// shell keeps what it was told to run.
type shell struct{ scripts []virt.Script }

func (s *shell) Run(_ context.Context, script virt.Script) ([]byte, error) {
	s.scripts = append(s.scripts, script)
	return nil, nil
}

// useShell lets the host be reached by ssh.
func (w *world) useShell(host *fakevirt.Host) *shell {
	w.T.Helper()
	w.Create(builder.Credentials(w.Namespace, "key"))
	fixture.Change(w, "a", builder.WithSSH)
	s := &shell{}
	host.SetShell(s)
	return s
}

func TestDelete_removesTheLogsOfItsDomain(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	w.Expect(w.Converge("m")).To(Succeed())
	domain := host.Domains()[0].Name
	w.Expect(shell.scripts).To(BeEmpty())
	w.remove("m")
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
			w.Expect(w.Converge("m")).To(Succeed())
			host.Inject(method, fakevirt.Fault{Err: virt.ErrUnreachable})
			w.Delete("m")
			w.Expect(w.Converge("m")).To(Succeed())
			w.Expect(w.ready().Reason).To(Equal(infrav1.LibvirtMachineHostUnreachableReason))
			w.Expect(leftovers(host)).To(BeEmpty(), "logs come last")
			host.ClearFaults()
			w.Expect(w.Converge("m")).To(Succeed())
			w.Expect(w.Exists("m")).To(BeFalse())
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
			w.Expect(w.Converge("m")).To(Succeed())
			w.remove("m")
			w.Expect(leftovers(host)).To(BeEmpty())
			w.Expect(slices.ContainsFunc(w.Told(), func(e string) bool { return strings.Contains(e, "LogsRemain") })).To(Equal(test.told))
		})
	}
}

func TestDelete_removesLogsAlthoughVolumesAreGivenUp(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	w.Expect(w.Converge("m")).To(Succeed())
	host.Apply(fakevirt.WithoutPools())
	w.Delete("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(shell.scripts).To(BeEmpty())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.Exists("m")).To(BeFalse())
	w.Expect(shell.scripts).To(HaveLen(1))
}

func TestDelete_leavesTheLogsOfADomainOfAnotherOwner(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	host.PutDomain(virt.Domain{UUID: string(w.Get("m").UID), Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Expect(w.Converge("m")).To(Succeed())
	w.remove("m")
	w.Expect(shell.scripts).To(BeEmpty())
}
