// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package profilesource_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/internal/profilesource"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

var cluster = &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "demo", UID: "u"}}

func meta(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "team", Name: name} }

func newClient() client.Client {
	return fake.NewClientBuilder().WithObjects(
		&corev1.Secret{ObjectMeta: meta("mine"), Data: map[string][]byte{"a": []byte("one")}},
		&corev1.ConfigMap{ObjectMeta: meta("mine"), Data: map[string]string{"a": "two"}, BinaryData: map[string][]byte{"b": []byte("three")}},
	).Build()
}

func TestResolve_readsConfigsInTheirOrder(t *testing.T) {
	spec := &bootstrapv1.AltcosProfile{
		Butane: "last",
		ButaneFrom: []bootstrapv1.ButaneSource{
			{Kind: bootstrapv1.ButaneSourceConfigMap, Name: "mine", Key: "b"},
			{Kind: bootstrapv1.ButaneSourceSecret, Name: "mine", Key: "a"},
			{Kind: bootstrapv1.ButaneSourceConfigMap, Name: "mine", Key: "a"},
		},
	}
	_, got, err := profilesource.Resolve(t.Context(), newClient(), profilesource.Machine{Cluster: cluster}, spec)
	assert.NoError(t, err)
	want := []render.UserLayer{
		{Name: "butaneFrom[0]", Data: []byte("three")},
		{Name: "butaneFrom[1]", Data: []byte("one"), Secret: true},
		{Name: "butaneFrom[2]", Data: []byte("two")},
		{Name: "butane", Data: []byte("last")},
	}
	assert.Equal(t, want, got)
}

func TestResolve_saysWhatIsMissing(t *testing.T) {
	cases := map[string]struct {
		source bootstrapv1.ButaneSource
		want   string
	}{
		"the object": {bootstrapv1.ButaneSource{Kind: "Secret", Name: "absent", Key: "a"}, `butaneFrom[0]: Secret "absent" with label cluster.x-k8s.io/cluster-name does not exist`},
		"the key":    {bootstrapv1.ButaneSource{Kind: "ConfigMap", Name: "mine", Key: "c"}, `butaneFrom[0]: key "c" of ConfigMap "mine" does not exist`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := &bootstrapv1.AltcosProfile{ButaneFrom: []bootstrapv1.ButaneSource{tc.source}}
			_, _, err := profilesource.Resolve(t.Context(), newClient(), profilesource.Machine{Cluster: cluster}, spec)
			if !errors.Is(err, profilesource.ErrMissing) || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestResolve_refusesAProfile(t *testing.T) {
	spec := &bootstrapv1.AltcosProfile{Hosts: []bootstrapv1.HostsEntry{{Address: "nowhere"}}}
	if _, _, err := profilesource.Resolve(t.Context(), newClient(), profilesource.Machine{Cluster: cluster}, spec); len(problem.All(err)) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestResolve_makesOneKeyPairForTheCluster(t *testing.T) {
	c := newClient()
	spec := &bootstrapv1.AltcosProfile{ClusterSSH: bootstrapv1.ClusterSSHControlPlanes}
	master, _, err := profilesource.Resolve(t.Context(), c, profilesource.Machine{Cluster: cluster, ControlPlane: true}, spec)
	assert.NoError(t, err)
	worker, _, err := profilesource.Resolve(t.Context(), c, profilesource.Machine{Cluster: cluster}, spec)
	assert.NoError(t, err)
	if worker.ClusterSSH.PublicKey != master.ClusterSSH.PublicKey {
		t.Error("the worker has another key")
	}
	if len(worker.ClusterSSH.PrivateKey) > 0 {
		t.Error("the worker has the private key")
	}
	signer, err := ssh.ParsePrivateKey(master.ClusterSSH.PrivateKey)
	assert.NoError(t, err)
	public, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(master.ClusterSSH.PublicKey))
	if err != nil || string(public.Marshal()) != string(signer.PublicKey().Marshal()) || comment != "altcos@demo" {
		t.Errorf("the halves do not belong together: %v", err)
	}
	secret := &corev1.Secret{}
	assert.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "team", Name: profilesource.KeyPairName("demo")}, secret))
	if owners := secret.OwnerReferences; len(owners) != 1 || owners[0].Kind != "Cluster" || secret.Labels[clusterv1.ClusterNameLabel] != "demo" {
		t.Errorf("the Secret would not go with its Cluster: %+v", secret.ObjectMeta)
	}
}

func TestResolve_saysThatAKeyPairIsIncomplete(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(&corev1.Secret{ObjectMeta: meta("demo-altcos-ssh"), Data: map[string][]byte{"ssh-privatekey": []byte("x")}}).Build()
	spec := &bootstrapv1.AltcosProfile{ClusterSSH: bootstrapv1.ClusterSSHControlPlanes}
	if _, _, err := profilesource.Resolve(t.Context(), c, profilesource.Machine{Cluster: cluster}, spec); !errors.Is(err, profilesource.ErrMissing) {
		t.Errorf("got %v", err)
	}
}

// hidden is a client whose cache lacks one object, as it does without the label or for a moment after its creation.
type hidden struct {
	client.Client
	name string
}

func (c hidden) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if key.Name == c.name {
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.Name)
	}
	return c.Client.Get(ctx, key, o, opts...)
}

func TestResolve_waitsForAKeyPairThatItDoesNotSee(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(&corev1.Secret{ObjectMeta: meta("demo-altcos-ssh")}).Build()
	spec := &bootstrapv1.AltcosProfile{ClusterSSH: bootstrapv1.ClusterSSHControlPlanes}
	_, _, err := profilesource.Resolve(t.Context(), hidden{c, "demo-altcos-ssh"}, profilesource.Machine{Cluster: cluster}, spec)
	if !errors.Is(err, profilesource.ErrUnseen) || !errors.Is(err, profilesource.ErrMissing) {
		t.Fatalf("got %v", err)
	}
	want := `clusterSSH: secret "demo-altcos-ssh" with label cluster.x-k8s.io/cluster-name does not exist yet, but one of that name does: it was created a moment ago, or it is your own and needs the label`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}
