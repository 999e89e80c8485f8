// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/altcos/cluster-api-provider-altcos/internal/loadbalancer"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// onlyPrograms returns a search path with nothing but the named programs of this machine.
func onlyPrograms(t *testing.T, names ...string) string {
	t.Helper()
	directory := t.TempDir()
	for _, name := range names {
		path, err := exec.LookPath(name)
		assert.NoError(t, err)
		assert.NoError(t, os.Symlink(path, filepath.Join(directory, name)))
	}
	return directory
}

func TestAsk_talksToTheAdminSocketWithWhatTheHostHas(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	assert.NoError(t, err)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			question, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "you asked: %s%s\n", question, strings.Repeat("x", 100_000))
			_ = conn.Close()
		}
	}()
	for _, client := range []string{"socat", "perl"} {
		t.Run(client, func(t *testing.T) {
			command := exec.Command("sh", "-c", "PATH='"+onlyPrograms(t, client, "timeout", "wc", "head")+"'\n"+
				strings.Replace(preludeScript, "PATH=$PATH:/usr/sbin:/sbin\n", "", 1)+
				"ask '"+socket+"' 'show info' | head -n 1; ask '"+socket+"' 'show info' | wc -c\n")
			command.Env = append(os.Environ(), "current=/c/clusters/x/current")
			out, err := command.CombinedOutput()
			if want := "you asked: show info\n100022\n"; err != nil || string(out) != want {
				t.Errorf("got %q, %v; want %q", out, err, want)
			}
		})
	}
	_ = listener.Close()
	<-answered
}

func TestStepError_tellsWhatACallerCanDo(t *testing.T) {
	tests := map[string]error{
		"done": nil, "not-owned": loadbalancer.ErrNotOwned, "busy": ErrHostBusy, "in-use": ErrAddressInUse,
		"validate-keepalived": ErrRejected, "verify-haproxy": ErrRolledBack, "run-haproxy": ErrRolledBack, "anything else": ErrRolledBack,
	}
	for step, want := range tests {
		err := stepError(answer{step: step, message: "text"})
		var found *StepError
		if !errors.Is(err, want) || want != nil && (!errors.As(err, &found) || found.Message != "text") {
			t.Errorf("%q: %v", step, err)
		}
		if want != nil && strings.Contains(err.Error(), "text") {
			t.Errorf("%q: the error has what differs each time: %v", step, err)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add("noise\nresult done\n\n")
	f.Fuzz(func(t *testing.T, output string) {
		got, err := parseAnswer([]byte(output))
		if err == nil && !strings.Contains(output, "result ") {
			t.Errorf("an answer out of nothing: %+v", got)
		}
		if err == nil && stepError(got) == nil && got.step != "done" {
			t.Errorf("step %q is a success", got.step)
		}
	})
}
