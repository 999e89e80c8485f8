// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package boot_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// A user and a group of the image's packages: Ignition shall not have to find them.
const (
	lateOwned = "/etc/altcos-story/late"
	lateUser  = "systemd-network"
	lateGroup = "systemd-journal"
)

// inTheEnd are the paths as they are once the script, too, has set owners.
func inTheEnd(want map[string]wanted) map[string]wanted {
	late := want[lateOwned]
	late.owner, late.group = lateUser, lateGroup
	want[lateOwned] = late
	return want
}

func newClusterSSH(t *testing.T) altcos.ClusterSSH {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "story")
	must(t, err)
	key, err := ssh.NewPublicKey(public)
	must(t, err)
	return altcos.ClusterSSH{PublicKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), PrivateKey: pem.EncodeToMemory(block)}
}

// login asks another node for its name as altcos, for as long as that node may need to come up. Where there is no key, it is
// the key that must be missing and not the confidence in the other node.
func login(address string) string {
	ask := func(options string) string {
		return "runuser -u altcos -- ssh -o BatchMode=yes -o ConnectTimeout=10 " + options + "altcos@" + address + " cat /etc/hostname"
	}
	return "if [ -e /var/home/altcos/.ssh/id_ed25519 ]; then for i in $(seq 30); do " + ask("") + " && break; sleep 2; done; else " +
		ask("-o StrictHostKeyChecking=no ") + "; fi"
}

// checkClusterSSH: control planes log in to workers without a question; workers have no key to log in with.
func checkClusterSSH(t *testing.T, n node, got report) {
	t.Helper()
	if n.kind == cabpk.Init {
		expect(t, got, "login", "worker01")
		return
	}
	expect(t, got, "login", "Permission denied")
}
