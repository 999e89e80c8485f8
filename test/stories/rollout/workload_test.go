// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	"sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/api"
	"sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/etcd"
)

// group is the name of the cluster's objects in the in-memory runtime.
const group = "demo"

// workload is the cluster that the machines form: Cluster API's in-memory API server and etcd at one address of loopback.
// Upstream's own server for them listens on all addresses and uses ports that may be in use.
type workload struct {
	objects  inmemory.Client
	port     int
	api      http.Handler
	etcd     http.Handler
	server   *http.Server
	listener net.Listener
	served   chan error
	end      context.CancelFunc

	mutex   sync.Mutex
	members members
	// tokens are refused while this is set, and counted.
	refusing bool
	refused  int
}

func newWorkload() (*workload, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, storagev1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	ctx, end := context.WithCancel(context.Background())
	manager := inmemory.NewManager(scheme)
	if err := manager.Start(ctx); err != nil {
		end()
		return nil, err
	}
	manager.AddResourceGroup(group)
	resolve := func(string) (string, error) { return group, nil }
	w := &workload{
		objects: manager.GetResourceGroup(group).GetClient(), served: make(chan error, 1), end: end,
		api:     api.NewAPIServerHandler(manager, logr.Discard(), resolve),
		etcd:    etcd.NewEtcdServerHandler(manager, logr.Discard(), resolve),
		members: members{etcd: map[string]*tls.Certificate{}, apiServers: map[string]*tls.Certificate{}},
	}
	return w, w.serve()
}

// serve answers at the endpoint from the beginning, as a load balancer does: without a backend it closes connections.
func (w *workload) serve() error {
	var err error
	if w.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	address, ok := w.listener.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("listen: got address %v", w.listener.Addr())
	}
	w.port = address.Port
	w.server = &http.Server{
		Handler:   w,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.certificate},
		ErrorLog:  log.New(io.Discard, "", 0), // broken handshakes are expected
	}
	go func() { w.served <- w.server.ServeTLS(w.listener, "", "") }()
	return nil
}

// close ends the cluster. Its clients must have ended before.
func (w *workload) close() error {
	err := w.server.Close()
	if ended := <-w.served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	w.end()
	return err
}

func (w *workload) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.members.certificate(hello.ServerName)
}

// ServeHTTP distinguishes etcd's clients, which use a port-forward of the API server, from its own.
func (w *workload) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	switch {
	case request.ProtoMajor == 2 && strings.HasPrefix(request.Header.Get("Content-Type"), "application/grpc"):
		w.etcd.ServeHTTP(response, request)
	case request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/namespaces/kube-system/secrets") && w.refuses():
		status := apierrors.NewServiceUnavailable("no tokens now").Status()
		response.Header().Set("Content-Type", runtime.ContentTypeJSON)
		response.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(response).Encode(status)
	default:
		w.api.ServeHTTP(response, request)
	}
}

func (w *workload) refuses() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.refusing {
		w.refused++
	}
	return w.refusing
}

// refuseTokens makes the API server refuse new bootstrap tokens, or accept them again.
func (w *workload) refuseTokens(refuse bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.refusing, w.refused = refuse, 0
}

func (w *workload) refusals() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.refused
}

// join adds the API server and the etcd member of a control plane machine.
func (w *workload) join(node string, a authorities) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.members.add(node, a)
}

// leave removes them.
func (w *workload) leave(node string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.members.remove(node)
}
