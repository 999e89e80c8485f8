// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kubeadmv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	kubeadmadmission "sigs.k8s.io/cluster-api/bootstrap/kubeadm/webhooks/admission"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
	"github.com/altcos/cluster-api-provider-altcos/test/fixture"
)

// A condition of the child that was put to sleep by a pause stays until its provider looks at it again.
func TestReconcile_wakesAChildThatAPausePutToSleep(t *testing.T) {
	for name, taken := range map[string]bool{"before the Machine has its data": false, "until the Machine is a node": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Converged("m")
			if taken {
				w.take("m")
			}
			awake := w.child().Annotations
			w.setPaused(metav1.ConditionTrue)
			w.Converged("m")
			woken := w.child()
			w.Expect(woken.Annotations).NotTo(Equal(awake))
			w.Converged("m")
			w.Expect(w.child().ResourceVersion).To(Equal(woken.ResourceVersion), "once")

			w.setPaused(metav1.ConditionFalse)
			w.Converged("m")
			w.Expect(w.child().Annotations).To(Equal(awake))
		})
	}
}

func (w *world) setPaused(status metav1.ConditionStatus) {
	w.T.Helper()
	fixture.Change(w, "m-kubeadm", builder.WithCondition[*kubeadmv1.KubeadmConfig](clusterv1.PausedCondition, status))
}

func TestReconcile_letsTheChildOfANodeSleep(t *testing.T) {
	w := newWorld(t)
	w.Converged("m")
	w.take("m")
	fixture.Change(w, "m", func(m *clusterv1.Machine) { m.Status.NodeRef.Name = "m" })
	before := w.child()
	fixture.Change(w, "demo", initialized)
	w.Converged("m")
	w.Expect(w.child().ResourceVersion).To(Equal(before.ResourceVersion))
}

func TestReconcile_makesTheChildAnewWhenItsSpecChanges(t *testing.T) {
	w := newWorld(t, func(c *bootstrapv1.AltcosBootstrapConfig) { c.Spec.Butane = "variant: fcos\nnonsense: 1\n" })
	answered(w)
	w.Expect(w.Converge("m")).NotTo(Succeed(), "so no Machine takes the data")
	old, oldData := w.child(), w.secret("m-kubeadm")

	w.Change("m", func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.Spec.Butane, c.Spec.Kubeadm.PreKubeadmCommands = "", []string{"renewed"}
	})
	w.Converged("m")
	w.absent("m-kubeadm", &kubeadmv1.KubeadmConfig{}) // a new child would be given the old Secret
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, "earlier KubeadmConfig")

	w.Remove(oldData) // as the garbage collector does
	w.Converged("m")
	child := w.child()
	w.Expect(child.UID).NotTo(Equal(old.UID))
	w.Expect(child.Spec.PreKubeadmCommands).To(Equal([]string{"renewed"}))

	oldData.ResourceVersion, oldData.UID = "", ""
	w.Create(oldData) // late, from a provider that has not seen the end of the old child
	w.Converged("m")
	w.absent("m", &corev1.Secret{})
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigWaitingForKubeadmReason, "not controlled by this KubeadmConfig")
	w.Remove(oldData)
	w.answer()
	w.ExpectReady("m")
	w.Expect(string(w.data().Data["value"])).To(ContainSubstring("renewed"))
	w.Expect(w.child().UID).To(Equal(child.UID))
}

func TestReconcile_keepsTheChildWhenTheNewSpecIsRefused(t *testing.T) {
	w := newWorld(t)
	w.Converged("m")
	child := w.child()
	w.Change("m", func(c *bootstrapv1.AltcosBootstrapConfig) { c.Spec.Kubeadm.Files = twice() })
	w.Expect(w.Converge("m")).NotTo(Succeed())
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm.files[1].path")
	w.Expect(w.child().UID).To(Equal(child.UID))
}

// A config of the same name that is gone leaves its child behind until the garbage collector comes.
func TestReconcile_replacesTheChildOfAnEarlierConfig(t *testing.T) {
	w := newWorld(t)
	w.Converged("m")
	child := fixture.Change(w, "m-kubeadm", func(c *kubeadmv1.KubeadmConfig) { c.OwnerReferences[0].UID = "stale" })
	w.Converged("m")
	w.Expect(w.child().UID).NotTo(Equal(child.UID))
	w.Expect(metav1.IsControlledBy(w.child(), w.Get("m"))).To(BeTrue())
}

// twice has files that the kubeadm bootstrap provider refuses, in words that hold their content.
func twice() []kubeadmv1.File {
	return []kubeadmv1.File{{Path: "/a", Content: secret}, {Path: "/a", Content: secret}}
}

func TestReconcile_repeatsNoValueOfWhatIsRefused(t *testing.T) {
	_, said := (&kubeadmadmission.KubeadmConfig{}).ValidateCreate(t.Context(), &kubeadmv1.KubeadmConfig{Spec: kubeadmv1.KubeadmConfigSpec{Files: twice()}})
	var byKubeadm *apierrors.StatusError
	if !errors.As(said, &byKubeadm) {
		t.Fatalf("the kubeadm provider says %v", said)
	}
	byKubeadm.ErrStatus.Message = `admission webhook "validation.kubeadmconfig" denied the request: ` + byKubeadm.ErrStatus.Message
	policy := apierrors.NewForbidden(schema.GroupResource{Resource: "kubeadmconfigs"}, "m-kubeadm",
		errors.New(`ValidatingAdmissionPolicy "p" denied request: `+secret))
	broken := apierrors.NewInternalError(errors.New(`admission webhook "w" denied the request: ` + secret))
	cases := map[string]struct {
		files           []kubeadmv1.File
		server          error
		reason, message string
	}{
		"by us":                        {twice(), nil, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm.files[1].path: Invalid value: path property must be unique"},
		"by the kubeadm provider":      {nil, byKubeadm, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm.files[1].path (FieldValueInvalid)"},
		"by a policy":                  {nil, policy, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, `ValidatingAdmissionPolicy "p" denied request`},
		"by a webhook of another code": {nil, broken, bootstrapv1.AltcosBootstrapConfigFailedReason, `admission webhook "w" denied the request`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(config *bootstrapv1.AltcosBootstrapConfig) { config.Spec.Kubeadm.Files = c.files })
			if c.server != nil {
				w.Reconciler.Client = refusing(c.server)
			}
			err := w.Converge("m")
			w.ExpectFalse("m", kubeadmDataReady, c.reason, c.message)
			if err != nil {
				w.Expect(err.Error()).NotTo(ContainSubstring(secret))
			}
			w.Expect(w.Told()).To(And(ContainElement(HavePrefix("Warning")), Not(ContainElement(ContainSubstring(secret)))))
			w.Expect(w.Logs()).NotTo(ContainSubstring(secret))
		})
	}
}

// What ignition says got lost silently once; objects from then are not made into machines without it.
func TestReconcile_refusesIgnitionThatCameThroughAdmission(t *testing.T) {
	w := newWorld(t, func(c *bootstrapv1.AltcosBootstrapConfig) {
		c.Spec.Kubeadm.Ignition.ContainerLinuxConfig.AdditionalConfig = secret
	})
	w.Expect(w.Converge("m")).NotTo(Succeed())
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "use butane")
}

func TestReconcile_triesAgainWhatIsForbiddenToday(t *testing.T) {
	w := newWorld(t)
	w.Reconciler.Client = refusing(apierrors.NewForbidden(schema.GroupResource{Resource: "kubeadmconfigs"}, "m-kubeadm", errors.New("exceeded quota: few")))
	w.Converged("m")
	w.ExpectFalse("m", kubeadmDataReady, bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "exceeded quota: few")
	w.Expect(w.Result.RequeueAfter).To(Equal(30 * time.Second))
	w.Reconciler.Client = environment.Client
	w.Converged("m")
	w.child()
}

func TestReconcile_waitsForACacheThatIsBehind(t *testing.T) {
	cases := map[string]struct {
		cache     client.Client
		condition string
	}{
		"of KubeadmConfigs": {unseen[*kubeadmv1.KubeadmConfig]("m-kubeadm"), kubeadmDataReady},
		"of data Secrets":   {unseen[*corev1.Secret]("m"), dataSecretAvailable},
		"of key pairs":      {unseen[*corev1.Secret]("demo-altcos-ssh"), dataSecretAvailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(config *bootstrapv1.AltcosBootstrapConfig) {
				config.Spec.ClusterSSH = bootstrapv1.ClusterSSHControlPlanes
			})
			w.Converged("m")
			if c.condition == dataSecretAvailable {
				w.answer()
				w.Converged("m")
			}
			w.Told()
			w.Reconciler.Client = c.cache
			w.Converged("m")
			w.ExpectFalse("m", c.condition, bootstrapv1.AltcosBootstrapConfigWaitingForCacheReason, "created a moment ago")
			w.Expect(w.Result.RequeueAfter).To(And(BeNumerically(">", 0), BeNumerically("<=", 5*time.Second)))
			w.Expect(w.Told()).NotTo(ContainElement(HavePrefix("Warning")))
		})
	}
}

func TestReconcile_tellsOfKubeadmsOfOtherVersions(t *testing.T) {
	cases := map[string]struct {
		worker        string
		controlPlanes []string
		told          bool
	}{
		"an older worker":                  {"v1.34.9", []string{"v1.35.4"}, true},
		"a newer worker":                   {"v1.35.0", []string{"v1.34.9", ""}, true},
		"another patch":                    {"v1.35.0", []string{"v1.35.4"}, false},
		"a control plane that is upgraded": {"v1.34.9", []string{"v1.34.9", "v1.35.4"}, false},
		"a worker of no version":           {"", []string{"v1.35.4"}, false},
		"a control plane without versions": {"v1.35.4", []string{""}, false},
		"a control plane without Machines": {"v1.35.4", nil, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newCluster(t)
			for i, version := range tc.controlPlanes {
				w.Create(builder.Machine(w.Meta(fmt.Sprint("cp", i)), builder.ControlPlane, func(m *clusterv1.Machine) { m.Spec.Version = version }))
			}
			w.addMachine("m", func(m *clusterv1.Machine) { m.Spec.Version = tc.worker })
			w.Converged("m")
			w.child() // is made nevertheless
			if told := w.Told(); tc.told {
				w.Expect(told).To(ContainElement(HavePrefix(`Warning KubeadmVersionSkew Machine "m" has version ` + tc.worker)))
			} else {
				w.Expect(told).NotTo(ContainElement(ContainSubstring("KubeadmVersionSkew")))
			}
		})
	}
}
