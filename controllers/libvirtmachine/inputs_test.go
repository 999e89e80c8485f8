// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

func (w *world) setSecret(format, value string) {
	w.T.Helper()
	fixture.Change(w, "m", func(secret *corev1.Secret) {
		secret.Data = map[string][]byte{"format": []byte(format), "value": []byte(value)}
	})
}

func TestBadInput_givesDocumentedReason(t *testing.T) {
	const token = "s3cr3t-token"
	none := func(*infrav1.LibvirtMachine) {}
	cases := map[string]struct {
		spec              func(*infrav1.LibvirtMachine)
		before            func(*world)
		condition, reason string
	}{
		"the cluster is not provisioned": {none, func(w *world) { fixture.Change(w, "demo", builder.Unprovisioned) },
			infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForClusterReason},
		"there is no bootstrap data": {none, func(w *world) { fixture.Change(w, "m", builder.AwaitingData) },
			infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForBootstrapDataReason},
		"no host has room": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Memory = resource.MustParse("1Ti") }, nil,
			infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineNoHostFitsReason},
		"no host is selected": {func(lm *infrav1.LibvirtMachine) {
			lm.Spec.HostSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"disk": "nvme"}}
		}, nil, infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineNoHostFitsReason},
		"the host asked for does not exist": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Host = "nowhere" }, nil,
			infrav1.LibvirtMachineHostAssignedCondition, infrav1.LibvirtMachineHostUnknownReason},
		"Ignition of spec 2": {none, func(w *world) { w.setSecret("ignition", `{"ignition":{"version":"2.3.0"},"x":"`+token+`"}`) },
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineBootstrapInvalidReason},
		"cloud-config with unknown keys": {none, func(w *world) { w.setSecret("cloud-config", "#cloud-config\nunknown: "+token+"\n") },
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineBootstrapInvalidReason},
		"a profile that does not exist": {func(lm *infrav1.LibvirtMachine) { lm.Spec.AltcosTemplateRef.Name = "absent" }, nil,
			infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineProfileMissingReason},
		"a profile that stores containers on a disk that the machine lacks": {func(lm *infrav1.LibvirtMachine) {
			lm.Spec.AltcosTemplateRef.Name = "profile"
		}, func(w *world) {
			w.addProfile("profile", bootstrapv1.AltcosProfile{ContainerStorage: bootstrapv1.ContainerStorage{DataDisk: "absent"}})
		}, infrav1.LibvirtMachineBootstrapRenderedCondition, infrav1.LibvirtMachineBootstrapInvalidReason},
		"an image volume that is not there": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Image.Volume = "absent.qcow2" }, nil,
			infrav1.LibvirtMachineImageReadyCondition, infrav1.LibvirtMachineImageUnavailableReason},
		"an image volume that is a text": {func(lm *infrav1.LibvirtMachine) { lm.Spec.Image.Volume = "text.qcow2" }, func(w *world) {
			text := []byte(strings.Repeat("not an image ", 100))
			w.Expect(w.hosts["a"].PutVolume(virt.VolumeRef{Pool: pool, Name: "text.qcow2"}, virt.VolumeQCOW2, text)).To(Succeed())
		}, infrav1.LibvirtMachineImageReadyCondition, infrav1.LibvirtMachineImageInvalidReason},
		"the address of the control plane endpoint": {func(lm *infrav1.LibvirtMachine) {
			lm.Spec.NetworkInterfaces = []infrav1.NetworkInterface{{Addresses: []string{"10.150.0.160/24"}}}
		}, nil, infrav1.LibvirtMachineAddressesReadyCondition, infrav1.LibvirtMachineAddressInvalidReason},
		"a control plane whose address nobody knows": {func(lm *infrav1.LibvirtMachine) {
			builder.ControlPlane(lm)
			lm.Spec.NetworkInterfaces = []infrav1.NetworkInterface{{DHCP: infrav1.DHCPIPv4}}
		}, nil, infrav1.LibvirtMachineAddressesReadyCondition, infrav1.LibvirtMachineAddressInvalidReason},
		"a storage pool that is not there": {func(lm *infrav1.LibvirtMachine) { lm.Spec.StoragePool = "absent" }, nil,
			infrav1.LibvirtMachineImageReadyCondition, infrav1.LibvirtMachineStoragePoolMissingReason},
		"a bridge that is not there": {func(lm *infrav1.LibvirtMachine) {
			lm.Spec.NetworkInterfaces = []infrav1.NetworkInterface{{MTU: 1500}, {Bridge: "absent", DHCP: infrav1.DHCPBoth}}
		}, nil, infrav1.LibvirtMachineDomainRunningCondition, infrav1.LibvirtMachineBridgeMissingReason},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, host := newMachine(t, c.spec)
			if c.before != nil {
				c.before(w)
			}
			_ = w.Converge("m") // a Terminal is returned as an error
			w.ExpectFalse("m", c.condition, c.reason)
			w.Expect(w.Condition("m", infrav1.ReadyCondition).Message).To(And(ContainSubstring(c.condition), Not(ContainSubstring(token))))
			w.Expect(slices.DeleteFunc(leftovers(host), func(name string) bool { return name == "volume text.qcow2" })).To(BeEmpty())
			kind := corev1.EventTypeWarning // a person has to mend it, unless it comes by itself
			if strings.HasPrefix(c.reason, "WaitingFor") {
				kind = corev1.EventTypeNormal
			}
			told := w.Told()
			w.Expect(told).To(ContainElement(HavePrefix(kind + " " + c.reason + " ")))
			w.Expect(strings.Join(told, "\n")).NotTo(ContainSubstring(token))
		})
	}
}

func TestEvents_warnOfWhatAPersonHasToMend(t *testing.T) {
	w, host := newRunning(t)
	told := w.Told()
	w.Expect(told).To(ContainElement(HavePrefix("Normal Ready ")))
	w.Expect(told).NotTo(ContainElement(HavePrefix("Warning")), "a machine that comes up")
	for _, step := range []struct {
		change func()
		reason string
	}{
		{func() { host.SetUnreachable(true) }, infrav1.LibvirtMachineHostUnreachableReason},
		{func() { host.SetUnreachable(false); host.SetState(string(w.Get("m").UID), virt.DomainPaused) }, infrav1.LibvirtMachineDomainStoppedReason},
		{func() { host.DropDomain(string(w.Get("m").UID)) }, infrav1.LibvirtMachineDomainMissingReason},
	} {
		step.change()
		w.Converged("m")
		w.Expect(w.Told()).To(ConsistOf(HavePrefix("Warning " + step.reason + " ")))
	}
}

func (w *world) addProfile(name string, profile bootstrapv1.AltcosProfile) {
	w.T.Helper()
	template := &bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: w.Meta(name)}
	template.Spec.Template.Spec.AltcosProfile = profile
	w.Create(template)
}

func TestBadButane_inAConfigMapIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	config := &corev1.ConfigMap{ObjectMeta: w.Meta("layer"), Data: map[string]string{"config": "variant: fcos\nversion: 1.3.0\nnonsense: 1\n"}}
	w.Create(config)
	w.addProfile("profile", bootstrapv1.AltcosProfile{
		ButaneFrom: []bootstrapv1.ButaneSource{{Kind: bootstrapv1.ButaneSourceConfigMap, Name: "layer", Key: "config"}},
	})
	w.addMachine("m", func(lm *infrav1.LibvirtMachine) { lm.Spec.AltcosTemplateRef.Name = "profile" })
	w.Converged("m")
	w.Expect(w.Reconciled("m").RequeueAfter).To(BeNumerically(">", 0))
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineBootstrapInvalidReason, "butaneFrom[0]")
	config.Data["config"] = "variant: fcos\nversion: 1.3.0\n"
	w.Update(config)
	w.ExpectReady("m")
}

func TestJinja_knowsTheFailureDomain(t *testing.T) {
	w, host := newMachine(t)
	fixture.Change(w, "m", func(m *clusterv1.Machine) { m.Spec.FailureDomain = host.Name() })
	w.setSecret("cloud-config", "## template: jinja\n#cloud-config\nwrite_files:\n- path: /etc/zone\n  content: in {{ v1.availability_zone }}\n")
	w.Converged("m")
	content, _ := host.Content(w.ignition("m"))
	w.Expect(string(content)).To(ContainSubstring("in%20" + host.Name()))
}

func TestCredentials_thatCannotBeUsedAreTheHostsFault(t *testing.T) {
	w, host := newRunning(t)
	host.Inject(fakevirt.MethodConnect, fakevirt.Fault{Err: fmt.Errorf("%w: private key is not usable", virt.ErrInvalid)})
	w.Expect(w.Reconciled("m").RequeueAfter).To(BeNumerically(">", 0))
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineHostUnreachableReason, "private key is not usable")
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.remove("m")
}

func TestWatchFilter_alsoHoldsForWhatOtherObjectsWake(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.Reconciler.WatchFilter = "blue"
	w.addMachine("m")
	w.Converged("m")
	w.Expect(w.Get("m").Finalizers).To(BeEmpty())
	w.Expect(w.Get("m").Status.Conditions).To(BeEmpty())
	w.Change("m", builder.Labelled[*infrav1.LibvirtMachine](clusterv1.WatchLabel, "blue"))
	w.ExpectReady("m")
}

func (w *world) setPools(names ...string) {
	w.T.Helper()
	fixture.Change(w, "demo", func(lc *infrav1.LibvirtCluster) {
		lc.Spec.Network.AddressPoolRefs = nil
		for _, name := range names {
			lc.Spec.Network.AddressPoolRefs = append(lc.Spec.Network.AddressPoolRefs, infrav1.AddressPoolReference{Name: name})
		}
	})
}

func TestAddresses_ofAMachineOutliveChangesAroundIt(t *testing.T) {
	for name, change := range map[string]func(*world){
		"the cluster got another pool":      func(w *world) { w.setPools("others") },
		"the cluster got a second pool":     func(w *world) { w.setPools("nodes", "more") },
		"the cluster has no pools any more": func(w *world) { w.setPools() },
		"somebody deleted the claim":        func(w *world) { w.Remove(&w.claims()[0]) },
		"the claim was deleted by all means": func(w *world) {
			claim := &w.claims()[0]
			claim.Finalizers = nil
			w.Update(claim)
			w.Remove(claim)
		},
		"the address was given back": func(w *world) {
			w.Remove(&ipamv1.IPAddress{ObjectMeta: w.Meta(w.claims()[0].Name)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			outlive(t, func(*infrav1.LibvirtMachine) {}, change)
			outlive(t, func(lm *infrav1.LibvirtMachine) { // its own pools
				lm.Spec.NetworkInterfaces = []infrav1.NetworkInterface{{AddressPoolRefs: []infrav1.AddressPoolReference{{Name: "nodes"}}}}
			}, change)
		})
	}
}

func outlive(t *testing.T, spec func(*infrav1.LibvirtMachine), change func(*world)) {
	t.Helper()
	w, host := newRunning(t, spec)
	before := w.Get("m").Status.Addresses
	w.Expect(before).To(HaveLen(2))
	change(w)
	count := len(w.claims())
	lm := w.ExpectReady("m")
	w.Expect(lm.Status.Addresses).To(Equal(before))
	w.Expect(w.claims()).To(HaveLen(count))
	w.removeFrom(host, "m")
	w.Expect(w.claims()).To(BeEmpty())
}

func TestAddresses_onceClaimedDoNotFollowTheCluster(t *testing.T) {
	w, _ := newMachine(t)
	for range 5 { // until claims are made; nobody answers them
		w.Reconciled("m")
	}
	w.Expect(w.claims()).To(HaveLen(1))
	w.setPools("others", "second")
	w.ExpectReady("m")
	names := map[string]bool{}
	for _, claim := range w.claims() {
		names[claim.Spec.PoolRef.Name] = true
	}
	w.Expect(names).To(Equal(map[string]bool{"nodes": true, "second": true}))
}

func TestAddresses_byDHCPStayUnknownWhenTheClusterGetsAPool(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.setPools()
	w.addMachine("m")
	w.Converged("m")
	w.setPools("nodes")
	w.ExpectReady("m")
	w.Expect(w.Get("m").Status.Addresses).To(HaveLen(1))
	w.Expect(w.claims()).To(BeEmpty())
}
