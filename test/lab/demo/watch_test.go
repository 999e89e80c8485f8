// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/management"
)

func TestWatch_remembersTheLongestGapBetweenAnswers(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	refused := errors.New("refused")
	w := &Watch{}
	w.note(at(0), refused) // what came before the first answer is no gap
	w.note(at(5), nil)
	w.note(at(6), nil)
	w.note(at(7), refused)
	w.note(at(10), nil)
	w.note(at(11), nil)
	w.note(at(30), refused) // a gap is as long as it is when it ends
	last, err := w.Last()
	if !last.Equal(at(11)) || !errors.Is(err, refused) || w.Longest() != 4*time.Second {
		t.Errorf("got %s, %v, %s", last, err, w.Longest())
	}
}

func TestAsk_makesANewConnectionEachTime(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := watchClient(nil, nil)
	for range 3 {
		if err := management.Ask(t.Context(), client, server.URL+"/version"); err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() != 3 {
		t.Errorf("%d connections for 3 questions", connections.Load())
	}
	if err := management.Ask(t.Context(), client, server.URL); err == nil {
		t.Error("a refusal counts as an answer")
	}
}
