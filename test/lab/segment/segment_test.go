// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package segment_test

import (
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/packages"
	"github.com/altcos/cluster-api-provider-altcos/test/lab/segment"
)

// ensure makes a segment that is removed when the test ends.
func ensure(t *testing.T, lab string) *segment.Segment {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	if err := packages.Ensure(t.Context(), "iproute2"); err != nil {
		t.Fatal(err)
	}
	s, err := segment.Ensure(t.Context(), lab)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := segment.Remove(context.Background(), lab); err != nil {
			t.Error(err)
		}
		left, _ := filepath.Glob("/run/netns/altcos-" + lab + "-*")
		if len(left) > 0 {
			t.Errorf("left behind: %s", left)
		}
	})
	return s
}

func greet(t *testing.T, s *segment.Segment, address, greeting string) {
	t.Helper()
	listener, err := s.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, greeting)
			_ = connection.Close()
		}
	}()
}

func TestSegment_keepsLabsApart(t *testing.T) {
	labs := map[string]*segment.Segment{"segtesta": ensure(t, "segtesta"), "segtestb": ensure(t, "segtestb")}
	for lab, s := range labs {
		greet(t, s, "10.150.0.1:7000", lab)
	}
	for lab, s := range labs {
		connection, err := s.DialContext(t.Context(), "tcp", "10.150.0.1:7000")
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(connection)
		_ = connection.Close()
		if err != nil || string(got) != lab {
			t.Errorf("10.150.0.1 in %s says %q, %v", lab, got, err)
		}
	}
	routes, err := exec.Command("ip", "route", "show", "table", "all").Output()
	if err != nil || strings.Contains(string(routes), "10.150.0.") {
		t.Errorf("the machine itself has a route to a lab (%v):\n%s", err, routes)
	}
}

func TestEnsurePort_connectsHostsToOneAnother(t *testing.T) {
	s := ensure(t, "segtestc")
	for range 2 { // the second time nothing changes
		for name, address := range map[string]string{"node3": "10.150.0.3", "node4": "10.150.0.4"} {
			if _, err := s.EnsurePort(t.Context(), segment.Port{Name: name, Address: netip.MustParseAddr(address)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	for _, path := range [][2]string{{"node3", "10.150.0.4"}, {"node4", "10.150.0.1"}, {"lan", "10.150.0.3"}} {
		output, err := exec.Command("ip", "netns", "exec", "altcos-segtestc-"+path[0], "ping", "-n", "-c", "1", "-W", "2", path[1]).CombinedOutput()
		if err != nil {
			t.Errorf("%s to %s: %v: %s", path[0], path[1], err, output)
		}
	}
	t.Logf("three pings in %s", time.Since(began).Round(time.Millisecond))
	for range 2 { // the second time there is nothing to remove
		if err := s.RemovePort(t.Context(), "node4"); err != nil {
			t.Fatal(err)
		}
	}
	links, err := s.Command(t.Context(), "ip", "-o", "link").Output()
	if err != nil || !strings.Contains(string(links), "p-node3") || strings.Contains(string(links), "p-node4") {
		t.Errorf("links after node4 was removed: %v\n%s", err, links)
	}
}

func TestEnsurePort_refusesWhatCannotBe(t *testing.T) {
	s := ensure(t, "segtestd")
	for name, port := range map[string]segment.Port{
		"a name too long for an interface":   {Name: "a-very-long-name", Address: netip.MustParseAddr("10.150.0.3")},
		"the name of the segment itself":     {Name: "lan", Address: netip.MustParseAddr("10.150.0.3")},
		"an address of another network":      {Name: "node3", Address: netip.MustParseAddr("10.151.0.3")},
		"no address":                         {Name: "node3"},
		"a name that leaves its own folders": {Name: "../node3", Address: netip.MustParseAddr("10.150.0.3")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := s.EnsurePort(t.Context(), port); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestOpen_refusesNamesThatCouldMeetOtherLabs(t *testing.T) {
	for _, name := range []string{"", "a-b", "A", "a/b", "3", strings.Repeat("a", 25)} {
		if _, err := segment.Open(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func TestDialContext_refusesNames(t *testing.T) {
	s := ensure(t, "segteste")
	if _, err := s.DialContext(t.Context(), "tcp", "localhost:1"); err == nil {
		t.Error("no error")
	}
}

func TestCommand_runsTheProgramItself(t *testing.T) {
	s := ensure(t, "segtestf")
	command := s.Command(t.Context(), "sh", "-c", "echo $$; ip -br -4 address show lan0")
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(output)) // PID, interface, its state (which depends on its ports), address
	want := []string{strconv.Itoa(command.ProcessState.Pid()), "lan0", fields[2], "10.150.0.1/24"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Error(diff)
	}
}
