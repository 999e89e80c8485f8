// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
)

const (
	// askEvery and askLimit make gaps visible that a patient client would take for slow answers.
	askEvery = 200 * time.Millisecond
	askLimit = time.Second
)

var errNotAsked = errors.New("not asked yet")

// Watch records when the API server of the demo's cluster answered through the virtual IP.
type Watch struct {
	mutex   sync.Mutex
	last    time.Time
	longest time.Duration
	failure error
}

// Watch asks the API server again and again until the context ends. Every question goes over a connection of its own: one
// that is kept would outlive the move of the address, or die with the host that had it, and tell nothing of new clients.
func (r *Running) Watch(ctx context.Context) (*Watch, error) {
	config, err := clientcmd.BuildConfigFromFlags("", r.lab.workloadKubeconfig())
	if err != nil {
		return nil, fmt.Errorf("load kubeconfig: %w", err)
	}
	trust, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("load kubeconfig: %w", err)
	}
	client := watchClient(r.lab.network.DialContext, trust)
	w := &Watch{failure: errNotAsked}
	// The server proves by its certificate who it is, and answers without asking etcd, which is slow on emulated machines
	// whatever the load balancer does.
	go w.run(ctx, func() error { return management.Ask(ctx, client, config.Host+"/version") })
	return w, nil
}

func watchClient(dial func(context.Context, string, string) (net.Conn, error), trust *tls.Config) *http.Client {
	return &http.Client{Timeout: askLimit, Transport: &http.Transport{
		DialContext: dial, TLSClientConfig: trust, DisableKeepAlives: true,
	}}
}

func (w *Watch) run(ctx context.Context, ask func() error) {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		err := ask()
		if ctx.Err() != nil {
			return
		}
		w.note(time.Now(), err)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (w *Watch) note(now time.Time, failure error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.failure = failure
	if failure != nil {
		return
	}
	if !w.last.IsZero() {
		w.longest = max(w.longest, now.Sub(w.last))
	}
	w.last = now
}

// Last returns when the last answer came, zero for none, and what has gone wrong since.
func (w *Watch) Last() (time.Time, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.last, w.failure
}

// Longest returns the longest time between two answers, which is never shorter than the time between two questions.
func (w *Watch) Longest() time.Duration {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.longest
}
