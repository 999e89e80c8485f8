// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// monitorPort is where every instance answers its local health check, on a loopback address of its own.
const monitorPort = 18443

// monitorPath is the URI that haproxy answers itself.
const monitorPath = "/healthz"

// MonitorAddress is the loopback address on which the cluster's haproxy answers whether it is alive. It is derived
// from the ID (4 million addresses in 127.64.0.0/10), so nobody has to allocate it.
func MonitorAddress(clusterID string) netip.AddrPort {
	sum := sha256.Sum256([]byte(clusterID))
	address := netip.AddrFrom4([4]byte{127, 64 + sum[0]%64, sum[1], 1 + sum[2]%254})
	return netip.AddrPortFrom(address, monitorPort)
}

// renderHAProxy writes haproxy.cfg without header. description is what the running process answers to "show info",
// so that a process which serves an older file is found.
func renderHAProxy(c Cluster, layout Layout, description string) ([]byte, error) {
	t := &text{}
	t.section([]string{"global"}, func() {
		t.line("description", description)
		t.line("log", "stdout", "format", "raw", "local0", "notice")
		t.line("maxconn", "8000")
		t.line("stats", "socket", layout.adminSocket(c.ID), "mode", "600", "level", "admin", "expose-fd", "listeners")
		t.line("stats", "timeout", "10s")
		t.line("hard-stop-after", "1h") // old workers of a reload keep watches for as long as their timeout
	})
	t.section([]string{"defaults"}, func() { renderDefaults(t) })
	t.section([]string{"frontend", "monitor"}, func() {
		t.line("mode", "http")
		t.line("bind", MonitorAddress(c.ID).String())
		t.line("timeout", "client", "5s")
		t.line("timeout", "http-request", "2s")
		t.line("monitor-uri", monitorPath)
	})
	renderPort(t, c.VIP.Addr(), APIBackend, c.Port)
	t.section([]string{"backend", APIBackend}, func() { renderAPI(t, c) })
	for _, extra := range c.ExtraPorts {
		renderPort(t, c.VIP.Addr(), extra.Name, extra.Port)
		t.section([]string{"backend", extra.Name}, func() { renderExtra(t, c, extra) })
	}
	return t.bytes()
}

// renderDefaults suits the API: connections that last, watches that are silent for long.
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
	t.line("timeout", "client", "1h") // watches are silent for long
	t.line("timeout", "server", "1h")
	t.line("timeout", "client-fin", "30s")
	t.line("timeout", "server-fin", "30s")
}

// renderPort binds to the VIP whether or not the host holds it now.
func renderPort(t *text, vip netip.Addr, name string, port uint16) {
	t.section([]string{"frontend", name}, func() {
		t.line("bind", netip.AddrPortFrom(vip, port).String(), "transparent")
		t.line("default_backend", name)
	})
}

// renderAPI checks what matters: an API server that is ready and shows a certificate of the cluster's CA. (With
// "option ssl-hello-chk" any TLS answer, even an alert, counts as healthy.)
func renderAPI(t *text, c Cluster) {
	t.line("balance", "roundrobin")
	t.line("option", "httpchk")
	t.line("http-check", "send", "meth", "GET", "uri", "/readyz", "ver", "HTTP/1.1", "hdr", "Host", "kubernetes")
	t.line("http-check", "expect", "status", "200")
	t.line("default-server", "inter", "2s", "fastinter", "1s", "downinter", "2s", "fall", "2", "rise", "2",
		"on-marked-down", "shutdown-sessions")
	verify := []string{"check", "check-ssl", "check-sni", "kubernetes", "verify", "none"}
	if len(c.CA) > 0 {
		verify = []string{"check", "check-ssl", "check-sni", "kubernetes",
			"verify", "required", "ca-file", caFile, "verifyhost", "kubernetes"}
	}
	for _, backend := range c.Backends {
		t.line(append([]string{"server", backend.Name, backend.Address.String()}, verify...)...)
	}
}

func renderExtra(t *text, c Cluster, extra ExtraPort) {
	t.line("balance", "roundrobin")
	t.line("default-server", "inter", "2s", "fall", "2", "rise", "2", "on-marked-down", "shutdown-sessions")
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

// describeHAProxy names the content of haproxy's part of a tree.
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
