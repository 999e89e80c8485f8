// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// APIBackend is the name under which haproxy reports the API servers, as in Server.Backend.
const APIBackend = "api"

// lastResort is the backend with the same servers, unchecked.
const lastResort = "api-unready"

// monitorPort is where every instance answers its local health check, on a loopback address of its own.
const monitorPort = 18443

// monitorPath is the URI that haproxy itself answers.
const monitorPath = "/healthz"

// monitorAddress is the loopback address where the cluster's haproxy shows that it is alive. It is derived from the ID (4
// million addresses in 127.64.0.0/10), so that it need not be allocated.
func monitorAddress(clusterID string) netip.AddrPort {
	sum := sha256.Sum256([]byte(clusterID))
	address := netip.AddrFrom4([4]byte{127, 64 + sum[0]%64, sum[1], 1 + sum[2]%254})
	return netip.AddrPortFrom(address, monitorPort)
}

// renderHAProxy writes haproxy.cfg without header. description is what the running process answers to "show info", so that
// a process with an older configuration is detected.
func renderHAProxy(c Cluster, layout Layout, description string) ([]byte, error) {
	t := &text{}
	t.section([]string{"global"}, func() {
		t.line("description", description)
		t.line("log", "stdout", "format", "raw", "local0", "notice")
		t.line("maxconn", "8000")
		t.line("stats", "socket", layout.AdminSocket(c.ID), "mode", "600", "level", "admin", "expose-fd", "listeners")
		t.line("stats", "timeout", "10s")
		t.line("hard-stop-after", "1h") // old workers of a reload keep watches for as long as their timeout
	})
	t.section([]string{"defaults"}, func() { renderDefaults(t) })
	t.section([]string{"frontend", "monitor"}, func() {
		t.line("mode", "http")
		t.line("bind", monitorAddress(c.ID).String())
		t.line("timeout", "client", "5s")
		t.line("timeout", "http-request", "2s")
		t.line("monitor-uri", monitorPath)
	})
	t.section([]string{"frontend", APIBackend}, func() {
		renderBind(t, c.VIP.Addr(), c.Port)
		t.line("acl", "none-ready", "nbsrv("+APIBackend+")", "lt", "1")
		t.line("use_backend", lastResort, "if", "none-ready")
		t.line("default_backend", APIBackend)
	})
	t.section([]string{"backend", APIBackend}, func() { renderAPI(t, c) })
	t.section([]string{"backend", lastResort}, func() { renderLastResort(t, c) })
	for _, extra := range c.ExtraPorts {
		renderPort(t, c.VIP.Addr(), extra.Name, extra.Port)
		t.section([]string{"backend", extra.Name}, func() { renderExtra(t, c, extra) })
	}
	return t.bytes()
}

// renderDefaults suits the API: long connections, and watches that are silent for a long time.
func renderDefaults(t *text) {
	t.line("mode", "tcp")
	t.line("log", "global")
	t.line("option", "dontlognull")
	// Keepalive finds peers that vanished: without it a connection to a deleted machine lives for an hour.
	for _, side := range []string{"clitcpka", "srvtcpka"} {
		t.line("option", side)
		t.line(side+"-idle", "30s")
		t.line(side+"-intvl", "10s")
		t.line(side+"-cnt", "3")
	}
	t.line("option", "redispatch")
	t.line("retries", "3")
	t.line("timeout", "connect", "5s")
	t.line("timeout", "check", "3s")
	t.line("timeout", "queue", "20s")
	t.line("timeout", "client", "1h") // watches are silent for a long time
	t.line("timeout", "server", "1h")
	t.line("timeout", "client-fin", "30s")
	t.line("timeout", "server-fin", "30s")
}

// renderPort binds to the VIP whether or not the host holds it.
func renderPort(t *text, vip netip.Addr, name string, port uint16) {
	t.section([]string{"frontend", name}, func() {
		renderBind(t, vip, port)
		t.line("default_backend", name)
	})
}

func renderBind(t *text, vip netip.Addr, port uint16) {
	t.line("bind", netip.AddrPortFrom(vip, port).String(), "transparent")
}

// renderAPI checks that an API server is ready and has a certificate of the cluster's CA. (With "option ssl-hello-chk" any
// TLS answer, even an alert, counts as healthy.)
func renderAPI(t *text, c Cluster) {
	t.line("balance", "roundrobin")
	t.line("option", "httpchk")
	t.line("http-check", "send", "meth", "GET", "uri", "/readyz", "ver", "HTTP/1.1", "hdr", "Host", "kubernetes")
	t.line("http-check", "expect", "status", "200")
	t.line(append([]string{"default-server", "inter", "2s", "fastinter", "1s", "downinter", "5s", "fall", "2", "rise", "2"},
		whenDown(len(c.Backends))...)...)
	verify := []string{"check", "check-ssl", "check-sni", "kubernetes", "verify", "none"}
	if len(c.CA) > 0 {
		verify = []string{"check", "check-ssl", "check-sni", "kubernetes",
			"verify", "required", "ca-file", caFile, "verifyhost", "kubernetes"}
	}
	for _, backend := range c.Backends {
		t.line(append([]string{"server", backend.Name, backend.Address.String()}, verify...)...)
	}
}

// whenDown moves clients away from a server that fails. Without another server they have nowhere to go, and when all of them
// reconnect at once they overload a slow one.
func whenDown(servers int) []string {
	if servers < 2 {
		return nil
	}
	return []string{"on-marked-down", "shutdown-sessions"}
}

// renderLastResort accepts connections when no API server is ready: a slow one still answers, an absent one refuses as
// before, and clients check certificates themselves.
func renderLastResort(t *text, c Cluster) {
	t.line("balance", "roundrobin")
	for _, backend := range c.Backends {
		t.line("server", backend.Name, backend.Address.String())
	}
}

func renderExtra(t *text, c Cluster, extra ExtraPort) {
	servers := len(extra.Backends)
	if servers == 0 {
		servers = len(c.Backends)
	}
	t.line("balance", "roundrobin")
	t.line(append([]string{"default-server", "inter", "2s", "fall", "2", "rise", "2"}, whenDown(servers)...)...)
	for _, backend := range extra.Backends {
		t.line("server", backend.Name, backend.Address.String(), "check")
	}
	if len(extra.Backends) > 0 {
		return
	}
	for _, backend := range c.Backends {
		address := netip.AddrPortFrom(backend.Address.Addr(), extra.TargetPort)
		t.line("server", backend.Name, address.String(), "track", APIBackend+"/"+backend.Name)
	}
}

// describeHAProxy identifies the content of haproxy's part of a tree.
func describeHAProxy(c Cluster, layout Layout) (string, error) {
	body, err := renderHAProxy(c, layout, "altcos")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write([]byte(strconv.Itoa(len(body))))
	sum.Write(body)
	sum.Write(normalCA(c.CA))
	return "altcos-" + hex.EncodeToString(sum.Sum(nil))[:24], nil
}
