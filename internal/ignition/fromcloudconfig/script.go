// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
)

const (
	scriptPath     = altcos.StateDir + "/bootstrap.sh"
	bootScriptPath = altcos.StateDir + "/bootcmd.sh"
	logPath        = altcos.StateDir + "/bootstrap.log"
	startedPath    = altcos.StateDir + "/bootstrap.started"
	donePath       = altcos.StateDir + "/bootstrap.done"
	sentinelPath   = "/run/cluster-api/bootstrap-success.complete"
	sentinelSuffix = " && echo success > " + sentinelPath
	bootUnitName   = "altcos-bootcmd.service"
)

// findKubeadm finds the one command that CABPK adds: kubeadm, and the sentinel when it succeeded.
func (c *converter) findKubeadm() {
	c.kubeadm = -1
	for i, cmd := range c.cfg.RunCmd {
		if !strings.HasSuffix(cmd, sentinelSuffix) {
			continue
		}
		var role Role
		switch {
		case strings.HasPrefix(cmd, "kubeadm init --config "):
			role = RoleInit
		case strings.HasPrefix(cmd, "kubeadm join --config "):
			role = RoleJoin
		default:
			continue
		}
		if c.kubeadm >= 0 {
			c.problems.Addf(fmt.Sprintf("runcmd[%d]", i), "is a second kubeadm command, the first is runcmd[%d]", c.kubeadm)
			return
		}
		c.kubeadm, c.role = i, role
	}
}

// script writes the script and its unit. Nothing to do makes neither.
func (c *converter) script() {
	if len(c.cfg.RunCmd)+len(c.staged)+len(c.lateOwners)+len(c.imageUnits) == 0 {
		return
	}
	c.b.Directory(stageDir, 0o700)
	c.b.File(scriptPath, 0o600, []byte(c.scriptText()))
	after := append([]string{"crio.service", "network-online.target", "systemd-networkd.service", "systemd-resolved.service", "time-sync.target"}, c.softMounts...)
	requires := slices.Clone(c.mountUnits)
	if c.bootUnit {
		requires = append(requires, bootUnitName)
	}
	// crio.service is wanted, not required: a command that restarts it would otherwise restart this unit and kill itself
	needs := ignition.Option{}
	if len(requires) > 0 {
		needs = ignition.Set("Requires", strings.Join(requires, " "))
	}
	c.b.Unit(altcos.KubeadmUnit, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Make this machine a Kubernetes node, once"),
			ignition.Set("ConditionPathExists", "!"+donePath),
			ignition.Set("Wants", "network-online.target crio.service"),
			needs,
			ignition.Set("After", strings.Join(append(after, requires...), " "))).
		Section("Service",
			ignition.Set("Type", "oneshot"),
			ignition.Set("RemainAfterExit", "yes"),
			ignition.Set("Environment", "HOME=/root"),
			ignition.Set("UMask", "0022"),
			ignition.Set("TimeoutStartSec", "infinity"),
			ignition.Set("StandardOutput", "journal+console"),
			ignition.Set("StandardError", "journal+console"),
			ignition.Set("ExecStart", "/bin/sh "+scriptPath)).
		Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
}

// scriptText has three parts: a fixed head, one line for each step, a fixed tail. Every command is one quoted word,
// so whatever it contains it cannot swallow the steps after it; eval runs it in the shell of those before it, where
// cd and variables last, as under cloud-init. set -e ends the script at the first command that fails.
func (c *converter) scriptText() string {
	var b strings.Builder
	b.WriteString(scriptHead)
	for _, unit := range c.imageUnits {
		fmt.Fprintf(&b, "altcos_step 'look for %[1]s, which this image must have'\nsystemctl cat %[1]s > /dev/null\n", unit)
	}
	for _, s := range c.staged {
		writeStaged(&b, s)
	}
	for _, l := range c.lateOwners {
		fmt.Fprintf(&b, "altcos_step %s\nchown %s %s\n", quote("owner of "+l.path), l.owner, quote(l.path))
	}
	total := len(c.cfg.RunCmd)
	for i, cmd := range c.cfg.RunCmd {
		if strings.ContainsRune(cmd, 0) {
			c.problems.Addf(fmt.Sprintf("runcmd[%d]", i), "must not contain a NUL character")
		}
		if i == c.kubeadm {
			b.WriteString(c.kubeadmStep(i, quote(strings.TrimSuffix(cmd, sentinelSuffix))))
			continue
		}
		fmt.Fprintf(&b, "altcos_step 'command %d of %d'\neval %s\n", i+1, total, quote(cmd))
	}
	b.WriteString(scriptTail)
	return b.String()
}

// kubeadmStep runs kubeadm. A join finds an API server through an endpoint that may be failing over just then.
func (c *converter) kubeadmStep(index int, cmd string) string {
	name := fmt.Sprintf("altcos_step 'command %d of %d: kubeadm %s'\n", index+1, len(c.cfg.RunCmd), c.role)
	if c.role == RoleInit {
		return name + "eval " + cmd + "\n" + scriptJoined
	}
	return scriptRetry + name + "altcos_join " + cmd + "\n" + scriptJoined
}

func writeStaged(b *strings.Builder, s stagedFile) {
	dir := quote(path.Dir(s.target))
	fmt.Fprintf(b, "altcos_step %s\nmkdir -p %s\n", quote("file "+s.target), dir)
	if s.add {
		fmt.Fprintf(b, "cat %s >> %s\n", s.source, quote(s.target))
	} else {
		fmt.Fprintf(b, "rm -f %s\n(umask 077; cat %s > %s)\n", quote(s.target), s.source, quote(s.target))
	}
	if s.owner != "" {
		fmt.Fprintf(b, "chown %s %s\n", s.owner, quote(s.target))
	}
	if s.mode != nil {
		fmt.Fprintf(b, "chmod %04o %s\n", *s.mode, quote(s.target))
	}
}

// quote makes one shell word of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// scriptHead: file descriptor 3 is the journal and the console and gets progress only; all output goes to a log for
// root. kubeadm cannot be run twice on one machine, and cloud-init would not either, so an attempt that was cut off
// is reported instead of repeated.
const scriptHead = `#!/bin/sh
umask 022
exec 3>&1
if [ -e ` + startedPath + ` ]; then
  if [ -e ` + altcos.KubeadmDone + ` ]; then
    echo 'altcos-bootstrap: this is a node, but the commands after kubeadm were interrupted and are not repeated' >&3
  else
    echo 'altcos-bootstrap: an earlier attempt was interrupted; this machine must be replaced' >&3
  fi
  exit 1
fi
(umask 077; : > ` + startedPath + `; : >> ` + logPath + `)
exec >> ` + logPath + ` 2>&1
altcos_at='start'
altcos_finish() {
  altcos_status=$?
  if [ "$altcos_at" = done ]; then
    echo 'altcos-bootstrap: done' >&3
    exit 0
  fi
  if [ "$altcos_status" = 0 ]; then
    altcos_status=1
    altcos_why='ended the script'
  else
    altcos_why="failed with status $altcos_status"
  fi
  echo "altcos-bootstrap: $altcos_at $altcos_why; see ` + logPath + `" >&3
  exit "$altcos_status"
}
trap altcos_finish EXIT
altcos_step() {
  altcos_at=$1
  echo "altcos-bootstrap: $altcos_at" >&3
  echo "=== $altcos_at"
  set -e
}
set -e
mkdir -p /run/cluster-api
`

// scriptRetry: until kubeadm starts the kubelet, a join has changed nothing but this machine, and is tried again without the
// files that it made and would now refuse to find; one slow answer of the API server must not cost a machine. One that failed
// later may have left a member in etcd; such a machine is for a MachineHealthCheck to replace. What was there before stays:
// it is the user's. The files and their order are those of kubeadm's phases control-plane-prepare and kubelet-start.
//
// Lists are split in subshells, since a user's command may have set IFS.
const scriptRetry = `altcos_absent() {
  for altcos_file in "$@"; do
    if [ ! -e "$altcos_file" ]; then echo "$altcos_file"; fi
  done
}
altcos_join() {
  altcos_made=$(unset IFS; altcos_absent ` + preparedFiles + ` $(sed -n 's/^caCertPath: //p' ` + joinConfigPath + ` 2> /dev/null))
  altcos_begun=$(altcos_absent ` + kubeletFiles + `)
  altcos_left=20
  until eval "$1"; do
    altcos_status=$?
    altcos_left=$((altcos_left - 1))
    if [ "$(unset IFS; altcos_absent $altcos_begun)" != "$altcos_begun" ]; then altcos_left=0; fi
    if [ "$altcos_left" -le 0 ]; then return "$altcos_status"; fi
    (unset IFS; rm -f $altcos_made)
    echo "altcos-bootstrap: $altcos_at failed with status $altcos_status before it started the kubelet; trying again" >&3
    sleep 20
  done
}
`

const (
	preparedFiles = "/etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf /etc/kubernetes/controller-manager.conf" +
		" /etc/kubernetes/scheduler.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/manifests/kube-apiserver.yaml" +
		" /etc/kubernetes/manifests/kube-controller-manager.yaml /etc/kubernetes/manifests/kube-scheduler.yaml /etc/kubernetes/pki/ca.crt"
	kubeletFiles = "/etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env"
)

// scriptJoined runs when kubeadm succeeded: the sentinel now and after every boot, and no token left on the disk.
const scriptJoined = `touch ` + altcos.KubeadmDone + `
echo success > ` + sentinelPath + `
mkdir -p /etc/tmpfiles.d
echo 'f ` + sentinelPath + ` 0644 - - - success' > /etc/tmpfiles.d/altcos-bootstrap.conf
find ` + stageDir + ` -type f -exec shred -u {} + 2>/dev/null || true
rm -rf ` + stageDir + `
`

const scriptTail = `rm -rf ` + stageDir + ` /run/kubeadm
touch ` + donePath + `
altcos_at=done
`
