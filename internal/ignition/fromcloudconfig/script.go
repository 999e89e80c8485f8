// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig

import (
	_ "embed"
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
	donePath       = altcos.StateDir + "/bootstrap.done"
	sentinelPath   = "/run/cluster-api/bootstrap-success.complete"
	sentinelSuffix = " && echo success > " + sentinelPath
	bootUnitName   = "altcos-bootcmd.service"
)

// The fixed parts of the scripts. They name the paths of this package themselves.
var (
	// scriptHead makes file descriptor 3 of the journal and the console, which get progress only; all output goes to a log
	// for root. kubeadm cannot be run twice on one machine, and cloud-init would not either, so an attempt that was cut off
	// is reported instead of repeated.
	//go:embed scripts/head.sh
	scriptHead string

	// scriptRetry repeats a join: until kubeadm starts the kubelet it has changed nothing but this machine, and is tried again
	// without the files that it made and would now refuse to find; one slow answer of the API server must not cost a machine.
	// A join that failed later may have left a member in etcd; such a machine is for a MachineHealthCheck to replace. What was
	// there before stays: it is the user's. The files and their order are those of kubeadm's phases control-plane-prepare and
	// kubelet-start. Lists are split in subshells, since a user's command may have set IFS.
	//go:embed scripts/retry.sh
	scriptRetry string

	// scriptJoined runs when kubeadm succeeded: the sentinel now and after every boot, and no token left on the disk.
	//go:embed scripts/joined.sh
	scriptJoined string

	//go:embed scripts/tail.sh
	scriptTail string

	//go:embed scripts/bootcmd.sh
	bootHead string
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
			c.problems.Addf(fmt.Sprintf("runcmd[%d]", i), "is a second kubeadm command after runcmd[%d]", c.kubeadm)
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
	b.WriteString(ignition.Script(scriptHead))
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
	b.WriteString(ignition.Script(scriptTail))
	return b.String()
}

// kubeadmStep runs kubeadm. A join finds an API server through an endpoint that may be failing over just then.
func (c *converter) kubeadmStep(index int, cmd string) string {
	name := fmt.Sprintf("altcos_step 'command %d of %d: kubeadm %s'\n", index+1, len(c.cfg.RunCmd), c.role)
	if c.role == RoleInit {
		return name + "eval " + cmd + "\n" + ignition.Script(scriptJoined)
	}
	return ignition.Script(scriptRetry) + name + "altcos_join " + cmd + "\n" + ignition.Script(scriptJoined)
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

// bootCommands run on every boot before kubeadm, as cloud-init's do. They cannot run before Ignition's own work.
func (c *converter) bootCommands() {
	if len(c.cfg.BootCmd) == 0 {
		return
	}
	c.bootUnit = true
	var b strings.Builder
	b.WriteString(bootHead)
	for i, cmd := range c.cfg.BootCmd {
		if strings.ContainsRune(cmd, 0) {
			c.problems.Addf(fmt.Sprintf("bootcmd[%d]", i), "must not contain a NUL character")
		}
		b.WriteString("set -e\neval " + quote(cmd) + "\n")
	}
	c.b.File(bootScriptPath, 0o600, []byte(b.String()))
	c.b.Unit(bootUnitName, ignition.UnitText{}.
		Section("Unit",
			ignition.Set("Description", "Boot commands of the bootstrap data"),
			ignition.Set("Before", altcos.KubeadmUnit)).
		Section("Service",
			ignition.Set("Type", "oneshot"),
			ignition.Set("RemainAfterExit", "yes"),
			ignition.Set("UMask", "0022"),
			ignition.Set("ExecStart", "/bin/sh "+bootScriptPath)).
		Section("Install", ignition.Set("WantedBy", "multi-user.target")), "multi-user.target")
}

// quote makes one shell word of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
