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
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

func (w *world) setSecret(format, value string) {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.Expect(environment.Client.Get(w.ctx, w.key("m"), secret)).To(Succeed())
	secret.Data = map[string][]byte{"format": []byte(format), "value": []byte(value)}
	w.Expect(environment.Client.Update(w.ctx, secret)).To(Succeed())
}

func TestBadInput_givesDocumentedReason(t *testing.T) {
	const (
		token  = "s3cr3t-token"
		enough = 8 // Reconciles to get from nothing to the first phase that needs no writes of its own
	)
	none := func(*infrav1.LibvirtMachine) {}
	cases := map[string]struct {
		spec              func(*infrav1.LibvirtMachine)
		before            func(*world)
		condition, reason string
	}{
		"the cluster is not provisioned": {none, func(w *world) {
			cluster := &clusterv1.Cluster{}
			w.Expect(environment.Client.Get(w.ctx, w.key("demo"), cluster)).To(Succeed())
			cluster.Status.Initialization.InfrastructureProvisioned = nil
			w.Expect(environment.Client.Status().Update(w.ctx, cluster)).To(Succeed())
		}, infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForClusterReason},
		"there is no bootstrap data": {none, func(w *world) {
			machine := &clusterv1.Machine{}
			w.Expect(environment.Client.Get(w.ctx, w.key("m"), machine)).To(Succeed())
			machine.Spec.Bootstrap = clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{APIGroup: "bootstrap.cluster.x-k8s.io", Kind: "KubeadmConfig", Name: "m"}}
			w.Expect(environment.Client.Update(w.ctx, machine)).To(Succeed())
		}, infrav1.LibvirtMachineInputsReadyCondition, infrav1.LibvirtMachineWaitingForBootstrapDataReason},
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
			lm.Labels[clusterv1.MachineControlPlaneLabel] = ""
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
			w := newWorld(t)
			host := w.addHost("a")
			w.addMachine("m", c.spec)
			if c.before != nil {
				c.before(w)
			}
			for range enough { // a Terminal is returned as an error, so settle would never see the end
				w.answerClaims()
				_, _ = w.reconcile("m")
			}
			lm := w.get("m")
			got := conditions.Get(lm, c.condition)
			w.Expect(got).NotTo(BeNil())
			w.Expect(got.Status).To(Equal(metav1.ConditionFalse))
			w.Expect(got.Reason).To(Equal(c.reason), got.Message)
			ready := conditions.Get(lm, infrav1.ReadyCondition)
			w.Expect(ready.Status).To(Equal(metav1.ConditionFalse))
			w.Expect(ready.Reason).To(Equal(c.reason))
			w.Expect(ready.Message).To(ContainSubstring(c.condition))
			w.Expect(slices.DeleteFunc(leftovers(host), func(name string) bool { return name == "volume text.qcow2" })).To(BeEmpty())
			w.Expect(ready.Message).NotTo(ContainSubstring(token))
			kind := corev1.EventTypeWarning // a person has to mend it, unless it comes by itself
			if strings.HasPrefix(c.reason, "WaitingFor") {
				kind = corev1.EventTypeNormal
			}
			told := w.allTold()
			w.Expect(told).To(ContainElement(HavePrefix(kind + " " + c.reason + " ")))
			w.Expect(strings.Join(told, "\n")).NotTo(ContainSubstring(token))
		})
	}
}

// allTold are the events so far.
func (w *world) allTold() (all []string) {
	for range len(w.events.Events) {
		all = append(all, <-w.events.Events)
	}
	return all
}

func TestEvents_warnOfWhatAPersonHasToMend(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	told := w.allTold()
	w.Expect(told).To(ContainElement(HavePrefix("Normal Ready ")))
	w.Expect(told).NotTo(ContainElement(HavePrefix("Warning")), "a machine that comes up")
	for _, step := range []struct {
		change func()
		reason string
	}{
		{func() { host.SetUnreachable(true) }, infrav1.LibvirtMachineHostUnreachableReason},
		{func() { host.SetUnreachable(false); host.SetState(string(w.get("m").UID), virt.DomainPaused) }, infrav1.LibvirtMachineDomainStoppedReason},
		{func() { host.DropDomain(string(w.get("m").UID)) }, infrav1.LibvirtMachineDomainMissingReason},
	} {
		step.change()
		w.Expect(w.settle("m")).To(Succeed())
		w.Expect(w.allTold()).To(ConsistOf(HavePrefix("Warning " + step.reason + " ")))
	}
}

func (w *world) addProfile(name string, profile bootstrapv1.AltcosProfile) {
	w.t.Helper()
	template := &bootstrapv1.AltcosBootstrapConfigTemplate{ObjectMeta: w.meta(name)}
	template.Spec.Template.Spec.AltcosProfile = profile
	w.create(template)
}

func TestBadButane_inAConfigMapIsLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	config := &corev1.ConfigMap{ObjectMeta: w.meta("layer"), Data: map[string]string{"config": "variant: fcos\nversion: 1.3.0\nnonsense: 1\n"}}
	w.create(config)
	w.addProfile("profile", bootstrapv1.AltcosProfile{
		ButaneFrom: []bootstrapv1.ButaneSource{{Kind: bootstrapv1.ButaneSourceConfigMap, Name: "layer", Key: "config"}},
	})
	w.addMachine("m", func(lm *infrav1.LibvirtMachine) { lm.Spec.AltcosTemplateRef.Name = "profile" })
	w.Expect(w.settle("m")).To(Succeed())
	result, err := w.reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result.RequeueAfter).To(BeNumerically(">", 0))
	ready := conditions.Get(w.get("m"), infrav1.ReadyCondition)
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineBootstrapInvalidReason))
	w.Expect(ready.Message).To(ContainSubstring("butaneFrom[0]"))
	config.Data["config"] = "variant: fcos\nversion: 1.3.0\n"
	w.Expect(environment.Client.Update(w.ctx, config)).To(Succeed())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
}

func TestJinja_knowsTheFailureDomain(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	machine := &clusterv1.Machine{}
	w.Expect(environment.Client.Get(w.ctx, w.key("m"), machine)).To(Succeed())
	machine.Spec.FailureDomain = host.Name()
	w.Expect(environment.Client.Update(w.ctx, machine)).To(Succeed())
	w.setSecret("cloud-config", "## template: jinja\n#cloud-config\nwrite_files:\n- path: /etc/zone\n  content: in {{ v1.availability_zone }}\n")
	w.Expect(w.settle("m")).To(Succeed())
	content, _ := host.Content(virt.VolumeRef{Pool: pool, Name: string(w.get("m").UID) + ".ign"})
	w.Expect(string(content)).To(ContainSubstring("in%20" + host.Name()))
}

func TestCredentials_thatCannotBeUsedAreTheHostsFault(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	host.Inject(fakevirt.MethodConnect, fakevirt.Fault{Err: fmt.Errorf("%w: private key is not usable", virt.ErrInvalid)})
	result, err := w.reconcile("m")
	w.Expect(err).NotTo(HaveOccurred())
	w.Expect(result.RequeueAfter).To(BeNumerically(">", 0))
	ready := conditions.Get(w.get("m"), infrav1.ReadyCondition)
	w.Expect(ready.Reason).To(Equal(infrav1.LibvirtMachineHostUnreachableReason))
	w.Expect(ready.Message).To(ContainSubstring("private key is not usable"))
	w.annotate("m", infrav1.ForgetHostAnnotation, host.Name())
	w.delete("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.exists("m")).To(BeFalse())
}

func TestWatchFilter_alsoHoldsForWhatOtherObjectsWake(t *testing.T) {
	w := newWorld(t)
	w.addHost("a")
	w.reconciler.WatchFilter = "blue"
	w.addMachine("m")
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(w.get("m").Finalizers).To(BeEmpty())
	w.Expect(w.get("m").Status.Conditions).To(BeEmpty())
	lm := w.get("m")
	lm.Labels[clusterv1.WatchLabel] = "blue"
	w.Expect(environment.Client.Update(w.ctx, lm)).To(Succeed())
	w.Expect(w.settle("m")).To(Succeed())
	w.Expect(conditions.IsTrue(w.get("m"), infrav1.ReadyCondition)).To(BeTrue())
}
