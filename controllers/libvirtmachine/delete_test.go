// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func TestDelete_waitsForHostThatDoesNotAnswer(t *testing.T) {
	w, host := newRunning(t)
	host.SetUnreachable(true)
	w.Delete("m")
	w.Expect(w.Reconciled("m").RequeueAfter).To(BeNumerically(">=", 10*time.Second))
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineHostUnreachableReason, host.Name())

	host.SetUnreachable(false)
	w.expectNoTrace(host, "m")
}

func TestDelete_givesUpDeadHostOnlyWhenAPersonNamesIt(t *testing.T) {
	w, host := newRunning(t)
	host.SetUnreachable(true)
	w.annotate("m", infrav1.ForgetHostAnnotation, "another")
	w.Delete("m")
	w.Reconciled("m")
	w.Expect(w.Exists("m")).To(BeTrue())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.ExpectGone("m")
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_blocksWhenLibvirtHostIsGone(t *testing.T) {
	w, host := newRunning(t)
	w.Remove(fixture.Get[*infrav1.LibvirtHost](w, "a"))
	w.Delete("m")
	w.Reconciled("m")
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineHostUnknownReason, infrav1.ForgetHostAnnotation+"="+host.Name())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.ExpectGone("m")
}

func TestDelete_finishesWithoutOwners(t *testing.T) {
	w, host := newRunning(t)
	for _, o := range []client.Object{
		&clusterv1.Machine{ObjectMeta: w.Meta("m")}, &infrav1.LibvirtCluster{ObjectMeta: w.Meta("demo")}, &clusterv1.Cluster{ObjectMeta: w.Meta("demo")},
	} {
		w.Remove(o)
	}
	w.removeFrom(host, "m")
}

func TestDelete_ofMachineWithoutHostNeedsNone(t *testing.T) {
	w := newWorld(t)
	w.addMachine("m")
	w.ExpectUnready("m", infrav1.LibvirtMachineNoHostFitsReason)
	w.remove("m")
}

func TestDelete_ofControlPlaneWaitsForLoadBalancer(t *testing.T) {
	for name, release := range map[string]func(*world, *infrav1.LibvirtCluster){
		"the backend is gone":        func(w *world, c *infrav1.LibvirtCluster) { c.Status.LoadBalancer.Backends = nil; w.UpdateStatus(c) },
		"the LibvirtCluster is gone": func(w *world, c *infrav1.LibvirtCluster) { w.Remove(c) },
		"patience ends":              func(w *world, _ *infrav1.LibvirtCluster) { w.Clock.SetTime(time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			w, host := newRunning(t, builder.ControlPlane)
			cluster := fixture.Change(w, "demo", func(c *infrav1.LibvirtCluster) {
				c.Status.LoadBalancer.Backends = []infrav1.LoadBalancerBackendStatus{{Name: "m", Address: "10.150.0.161", Health: infrav1.BackendUp}}
			})
			w.Delete("m")
			w.Reconciled("m")
			w.Expect(host.Domains()).To(HaveLen(1))
			release(w, cluster)
			w.expectNoTrace(host, "m")
		})
	}
}

func TestNotOwned_domainOfOurNameIsNeitherTakenNorRemoved(t *testing.T) {
	w, host := newMachine(t)
	uuid := string(w.Get("m").UID)
	host.PutDomain(virt.Domain{UUID: uuid, Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Converged("m")
	w.Expect(w.Condition("m", infrav1.LibvirtMachineDomainRunningCondition).Reason).To(Equal(infrav1.LibvirtMachineDomainNotOwnedReason))
	w.remove("m")
	w.Expect(host.Domains()).To(HaveLen(1))
}

func TestDelete_findsVolumesAlthoughTheHostGotAnotherPool(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a", fakevirt.WithPool("new", 100*gib))
	w.addMachine("m")
	w.Converged("m")
	w.Expect(w.Get("m").Spec.StoragePool).To(Equal(pool))
	fixture.Change(w, "a", func(h *infrav1.LibvirtHost) { h.Spec.StoragePool = "new" })
	w.join("m")
	w.Converged("m")
	_, there := host.Content(w.ignition("m"))
	w.Expect(there).To(BeFalse(), "the secrets are still there")
	w.removeFrom(host, "m")
}

func TestDelete_waitsForAPoolThatIsNotThere(t *testing.T) {
	w, host := newRunning(t)
	host.Apply(fakevirt.WithoutPools())
	w.join("m")
	w.Converged("m")
	w.Expect(w.Condition("m", infrav1.LibvirtMachineBootstrapDataRemovedCondition).Reason).To(Equal(infrav1.LibvirtMachineStoragePoolMissingReason))
	w.Delete("m")
	w.ExpectUnready("m", infrav1.LibvirtMachineStoragePoolMissingReason, `"`+pool+`"`, infrav1.ForgetHostAnnotation+"="+host.Name())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.ExpectGone("m")
}

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
	w.Converged("m")
	domain := host.Domains()[0].Name
	w.Expect(shell.scripts).To(BeEmpty())
	w.removeFrom(host, "m")
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
			w.Converged("m")
			host.Inject(method, fakevirt.Fault{Err: virt.ErrUnreachable})
			w.Delete("m")
			w.ExpectUnready("m", infrav1.LibvirtMachineHostUnreachableReason)
			w.Expect(leftovers(host)).To(BeEmpty(), "logs come last")
			host.ClearFaults()
			w.ExpectGone("m")
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
			w.Converged("m")
			w.removeFrom(host, "m")
			w.Expect(slices.ContainsFunc(w.Told(), func(e string) bool { return strings.Contains(e, "LogsRemain") })).To(Equal(test.told))
		})
	}
}

func TestDelete_removesLogsAlthoughVolumesAreGivenUp(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	w.Converged("m")
	host.Apply(fakevirt.WithoutPools())
	w.Delete("m")
	w.Converged("m")
	w.Expect(shell.scripts).To(BeEmpty())
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.ExpectGone("m")
	w.Expect(shell.scripts).To(HaveLen(1))
}

func TestDelete_leavesTheLogsOfADomainOfAnotherOwner(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	shell := w.useShell(host)
	w.addMachine("m")
	host.PutDomain(virt.Domain{UUID: string(w.Get("m").UID), Name: "somebody-elses", State: virt.DomainRunning, VCPUs: 1, MemoryBytes: gib})
	w.Converged("m")
	w.remove("m")
	w.Expect(shell.scripts).To(BeEmpty())
}
