// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package envtest

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	upstream "sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// Namespace returns a new namespace, deleted (as far as envtest deletes: nothing collects its content) after the test.
func (e *Environment) Namespace(t testing.TB) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	e.Create(t, namespace)
	return namespace.Name
}

// Create creates objects and deletes them after the test.
func (e *Environment) Create(t testing.TB, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := e.Client.Create(t.Context(), object); err != nil {
			t.Fatalf("create %T %q: %v", object, client.ObjectKeyFromObject(object), err)
		}
		t.Cleanup(func() {
			if err := client.IgnoreNotFound(e.Client.Delete(context.Background(), object)); err != nil {
				t.Errorf("delete %T %q: %v", object, client.ObjectKeyFromObject(object), err)
			}
		})
	}
}

// ManagerOptions returns options for a manager in the test's own process: no metrics, no health server, no leader election,
// and controllers of the same name may exist more than once. The webhook server listens where WithWebhooks expects it.
func (e *Environment) ManagerOptions() ctrl.Options {
	options := ctrl.Options{
		Scheme:                  e.Scheme,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		Controller:              config.Controller{SkipNameValidation: ptr.To(true)},
		GracefulShutdownTimeout: ptr.To(10 * time.Second),
	}
	if e.Webhooks.LocalServingPort != 0 {
		options.WebhookServer = webhook.NewServer(webhook.Options{
			Host: e.Webhooks.LocalServingHost, Port: e.Webhooks.LocalServingPort, CertDir: e.Webhooks.LocalServingCertDir,
		})
	}
	return options
}

// RunManager starts a manager that setup has furnished, waits for its caches and its webhook server, and ends it with the test.
func (e *Environment) RunManager(t testing.TB, options ctrl.Options, setup func(ctx context.Context, manager ctrl.Manager) error) ctrl.Manager {
	t.Helper()
	manager, err := ctrl.NewManager(e.Config, options)
	if err != nil {
		t.Fatalf("create manager: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := setup(ctx, manager); err != nil {
		cancel()
		t.Fatalf("set up manager: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run manager: %v", err)
		}
	})
	if !manager.GetCache().WaitForCacheSync(ctx) {
		t.Fatal("caches of the manager do not fill")
	}
	if e.Webhooks.LocalServingPort != 0 {
		e.awaitWebhooks(t, manager)
	}
	return manager
}

func (e *Environment) awaitWebhooks(t testing.TB, manager ctrl.Manager) {
	t.Helper()
	started := manager.GetWebhookServer().StartedChecker()
	for deadline := time.Now().Add(processLimit); ; time.Sleep(20 * time.Millisecond) {
		err := started(nil)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("wait for webhook server: %v", err)
		}
	}
}

// Kubeconfig returns the access of a new user, who may do what is granted to the name and nothing else.
func (e *Environment) Kubeconfig(t testing.TB, user string) []byte {
	t.Helper()
	added, err := e.server.AddUser(upstream.User{Name: user}, nil)
	if err != nil {
		t.Fatalf("add user %q: %v", user, err)
	}
	content, err := added.KubeConfig()
	if err != nil {
		t.Fatalf("write kubeconfig of user %q: %v", user, err)
	}
	return content
}
