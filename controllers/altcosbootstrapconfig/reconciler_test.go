// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

const (
	kubeadmDataReady    = bootstrapv1.AltcosBootstrapConfigKubeadmDataReadyCondition
	dataSecretAvailable = bootstrapv1.AltcosBootstrapConfigDataSecretAvailableCondition
)

func TestReconcile_makesTheChildOnceAndTheDataSecretFromIt(t *testing.T) {
	w := newWorld(t)
	w.Converged("m")
	child := w.child()
	w.Expect(child.Spec.Format).To(Equal(kubeadmv1.CloudConfig))
	w.Expect(child.Spec.PreKubeadmCommands).To(Equal([]string{"true"}))
	w.Expect(child.Labels).To(HaveKeyWithValue(clusterv1.ClusterNameLabel, "demo"))
	w.Expect(metav1.IsControlledBy(child, w.Get("m"))).To(BeTrue())
	w.Expect(child.OwnerReferences).To(ContainElement(HaveField("Kind", "Machine")), "the kubeadm provider looks for its Machine")
	w.Expect(w.Condition("m", bootstrapv1.ReadyCondition).Reason).To(Equal(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason))

	// the kubeadm provider writes the token into the child's spec; that must stay
	child.Spec.JoinConfiguration.Discovery.BootstrapToken.Token = "abcdef.0123456789abcdef"
	w.Update(child)
	fixture.Change(w, "demo", initialized)
	w.Converged("m")
	woken := w.child()
	w.Expect(woken.Annotations).NotTo(Equal(child.Annotations), "the child wakes with the cluster")
	w.Expect(woken.Spec).To(Equal(child.Spec))

	w.answer()
	w.ExpectReady("m")
	config, data := w.Get("m"), w.data()
	w.Expect(config.Status.DataSecretName).To(Equal("m"))
	w.Expect(config.Status.Initialization.DataSecretCreated).To(HaveValue(BeTrue()))
	w.Expect(string(data.Data["format"])).To(Equal("ignition"))
	w.Expect(string(data.Data["value"])).To(ContainSubstring(`"version":"3.2.0"`))
	w.Expect(data.Type).To(Equal(clusterv1.ClusterSecretType))
	w.Expect(data.Labels).To(HaveKeyWithValue(clusterv1.ClusterNameLabel, "demo"))
	w.Expect(metav1.IsControlledBy(data, config)).To(BeTrue())

	w.Converged("m")
	w.Expect(w.data().ResourceVersion).To(Equal(data.ResourceVersion), "the same input gives the same bytes")
	w.Expect(w.Get("m").ResourceVersion).To(Equal(config.ResourceVersion))
}

func TestReconcile_keepsWhatTheMachineTook(t *testing.T) {
	w := newWorld(t)
	w.Converged("m")
	w.answer()
	w.Converged("m")
	data, child := w.data(), w.child()
	w.take("m")
	w.Change("m", func(c *bootstrapv1.AltcosBootstrapConfig) { c.Spec.Kubeadm.PreKubeadmCommands = []string{"false"} })
	w.Converged("m")
	w.Expect(w.child().UID).To(Equal(child.UID), "a change comes too late")
	w.Remove(w.secret("m-kubeadm"), w.child())
	w.Converged("m")
	w.Expect(w.data().Data).To(Equal(data.Data))
	w.ExpectTrue("m", bootstrapv1.ReadyCondition)
	w.absent("m-kubeadm", &kubeadmv1.KubeadmConfig{}) // no token is made for a machine that has its data
}

func TestReconcile_tellsWhatIsWrong(t *testing.T) {
	none := func(*bootstrapv1.AltcosBootstrapConfig) {}
	cases := map[string]struct {
		spec              func(*bootstrapv1.AltcosBootstrapConfig)
		before            func(*world)
		condition, reason string
		message           string
		retried           time.Duration
	}{
		"the infrastructure is not there": {
			none, func(w *world) { fixture.Change(w, "demo", builder.Unprovisioned) },
			kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForClusterReason, "not provisioned", 0,
		},
		"another owner's KubeadmConfig has the child's name": {
			none, func(w *world) { w.Create(&kubeadmv1.KubeadmConfig{ObjectMeta: w.Meta("m-kubeadm")}) },
			kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "belongs to another owner", 30 * time.Second,
		},
		"the kubeadm provider quotes a file": {
			none, func(w *world) {
				w.Converged("m")
				fixture.Change(w, "m-kubeadm", func(child *kubeadmv1.KubeadmConfig) {
					conditions.Set(child, metav1.Condition{
						Type: clusterv1.ReadyCondition, Status: metav1.ConditionFalse, Reason: "NotReady",
						Message: "* DataSecretAvailable: Failed to prepare spec.files: template: unexpected \"" + secret + "\" in operand",
					})
				})
			},
			kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, "cannot prepare spec.kubeadm.files", 0,
		},
		"Butane that nobody understands": {
			func(c *bootstrapv1.AltcosBootstrapConfig) {
				c.Spec.Butane = "variant: fcos\nversion: 1.3.0\nnonsense: " + secret + "\n"
			}, answered,
			dataSecretAvailable, bootstrapv1.AltcosBootstrapConfigRenderFailedReason, "butane", 0,
		},
		"a Secret with Butane that is not there": {
			func(c *bootstrapv1.AltcosBootstrapConfig) {
				c.Spec.ButaneFrom = []bootstrapv1.ButaneSource{{Kind: "Secret", Name: "absent", Key: "butane"}}
			}, answered,
			dataSecretAvailable, bootstrapv1.AltcosBootstrapConfigProfileMissingReason, "absent", 30 * time.Second,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.spec)
			c.before(w)
			_ = w.Converge("m") // a Terminal is returned as an error
			w.ExpectFalse("m", c.condition, c.reason, c.message)
			w.Expect(w.Result.RequeueAfter).To(Equal(c.retried))
		})
	}
}

func answered(w *world) {
	w.T.Helper()
	_ = w.Converge("m")
	w.answer()
}

func TestReconcile_leavesPausedConfigAlone(t *testing.T) {
	w := newWorld(t, builder.Paused)
	w.Converged("m")
	w.ExpectTrue("m", bootstrapv1.PausedCondition)
	w.absent("m-kubeadm", &kubeadmv1.KubeadmConfig{})
}

// Machines, Clusters and children lead to configs too, with or without the label.
func TestReconcile_leavesConfigsOfOthersAlone(t *testing.T) {
	w := newWorld(t)
	w.Reconciler.WatchFilter = "mine"
	w.Converged("m")
	w.Expect(w.Get("m").Status.Conditions).To(BeEmpty())
	w.absent("m-kubeadm", &kubeadmv1.KubeadmConfig{})

	w.Change("m", builder.Labelled[*bootstrapv1.AltcosBootstrapConfig](clusterv1.WatchLabel, "mine"))
	w.Converged("m")
	w.Expect(w.child().Labels).To(HaveKeyWithValue(clusterv1.WatchLabel, "mine"))
}

func TestReconcile_refusesAMachinePool(t *testing.T) {
	w := newWorld(t)
	w.Change("m", func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "MachinePool", Name: "m", UID: "p"}}
	})
	w.Expect(w.Converge("m")).NotTo(Succeed())
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigMachinePoolReason, "MachinePool")
	w.absent("m-kubeadm", &kubeadmv1.KubeadmConfig{})
}

func TestReconcile_knowsTheFailureDomain(t *testing.T) {
	w := newCluster(t)
	w.addMachine("m", func(m *clusterv1.Machine) { m.Spec.FailureDomain = "rack-1" })
	w.Converged("m")
	w.answer(kubeadmv1.File{Path: "/etc/zone", Content: "in_{{ v1.availability_zone }}"})
	w.ExpectReady("m")
	w.Expect(string(w.data().Data["value"])).To(ContainSubstring("in_rack-1"))
}

func TestReconcile_healsWithWhatItsProfileNames(t *testing.T) {
	w := newWorld(t, func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.Spec.ButaneFrom = []bootstrapv1.ButaneSource{{Kind: "Secret", Name: "mine", Key: "butane"}}
	})
	mine := builder.Secret(w.Meta("mine"), "butane", "variant: fcos\nversion: 1.3.0\nnonsense: "+secret+"\n")
	w.Create(mine)
	answered(w)
	w.Converged("m")
	w.ExpectFalse("m", dataSecretAvailable, bootstrapv1.AltcosBootstrapConfigRenderFailedReason, "butaneFrom[0]")
	w.Expect(w.Result.RequeueAfter).To(Equal(30 * time.Second))
	w.Expect(w.Told()).To(ContainElement(HavePrefix("Warning RenderFailed")))

	mine.Data["butane"] = []byte("variant: fcos\nversion: 1.3.0\n")
	w.Update(mine)
	w.ExpectReady("m")
}

func TestManager_isWokenByTheSecretsAndLetsGo(t *testing.T) {
	const patience, poll = 50 * time.Second, 50 * time.Millisecond
	w := newWorld(t)
	environment.RunManager(t, environment.ManagerOptions(), func(ctx context.Context, mgr ctrl.Manager) error {
		w.Reconciler.Client = mgr.GetClient()
		return w.Reconciler.SetupWithManager(ctx, mgr, controller.Options{})
	})
	w.Eventually(func() bool { return fixture.Exists[*kubeadmv1.KubeadmConfig](w, "m-kubeadm") }, patience, poll).Should(BeTrue())
	w.Eventually(func() string { return conditions.GetReason(w.Get("m"), bootstrapv1.ReadyCondition) }, patience, poll).
		Should(Equal(bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason))
	w.answer() // and nothing changes the child afterwards
	w.Eventually(func() bool { return conditions.IsTrue(w.Get("m"), bootstrapv1.ReadyCondition) }, patience, poll).Should(BeTrue())

	w.Remove(w.data())
	w.Eventually(func() bool { return fixture.Exists[*corev1.Secret](w, "m") }, patience, poll).Should(BeTrue(), "what no Machine has taken is made again")

	w.Delete("m")
	w.Eventually(func() bool { return w.Exists("m") }, patience, poll).Should(BeFalse(), "it has no finalizer; what it made is owned by it")
}
