// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package fromcloudconfig_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_2/types"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/altcos"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
)

// machine is a directory in place of the guest's file system, with a kubeadm that records how it was called.
type machine struct {
	root   string
	script string
}

func boot(t *testing.T, cloudConfig, kubeadm string) *machine {
	t.Helper()
	return start(t, layer(t, cloudConfig), kubeadm)
}

func start(t *testing.T, config types.Config, kubeadm string) *machine {
	t.Helper()
	m := &machine{root: t.TempDir()}
	m.write(t, "/bin/kubeadm", 0o755, []byte("#!/bin/sh\necho TOKEN-abcdef.0123456789abcdef\necho kubeadm \"$@\" >> "+m.path("/order")+"\n"+m.moved(kubeadm)+"\n"))
	// the test may run without the right to give files away
	m.write(t, "/bin/chown", 0o755, []byte("#!/bin/sh\necho chown \"$@\" >> "+m.path("/owners")+"\n"))
	m.write(t, "/bin/sleep", 0o755, []byte("#!/bin/sh\nexit 0\n"))
	for _, f := range config.Storage.Files {
		if strings.HasPrefix(f.Path, altcos.StateDir) {
			m.write(t, f.Path, os.FileMode(*f.Mode), []byte(m.moved(contents(t, f.Contents))))
		}
	}
	m.script = m.path(altcos.StateDir + "/bootstrap.sh")
	return m
}

func (m *machine) path(p string) string { return filepath.Join(m.root, p) }

// moved lets absolute paths of the guest point below root.
func (m *machine) moved(text string) string {
	for _, dir := range []string{"/var/lib/altcos-bootstrap", "/var/lib/kubelet", "/run/", "/etc/tmpfiles.d", "/etc/kubernetes", "/order", "/owners"} {
		text = strings.ReplaceAll(text, dir, m.root+dir)
	}
	return text
}

func (m *machine) write(t *testing.T, path string, mode os.FileMode, content []byte) {
	t.Helper()
	assert.NoError(t, os.MkdirAll(filepath.Dir(m.path(path)), 0o755))
	assert.NoError(t, os.WriteFile(m.path(path), content, mode))
}

func (m *machine) read(path string) string {
	b, err := os.ReadFile(m.path(path))
	if err != nil {
		return "no such file"
	}
	return string(b)
}

// run returns what the console shows.
func (m *machine) run(t *testing.T) (console string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", m.script)
	cmd.Env = []string{"PATH=" + m.path("/bin") + ":/usr/bin:/bin:/usr/sbin:/sbin"}
	out, err := cmd.CombinedOutput()
	return strings.ReplaceAll(string(out), m.root, ""), err == nil
}

const initConfig = `
write_files:
- {path: /run/kubeadm/kubeadm.yaml, permissions: '0640', owner: 'root:root', content: "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"}
- {path: /run/cluster-api/placeholder, content: x}
runcmd:
- "cd /; X=\"it's\""
- "echo pre $PWD $X >> /order"
- 'kubeadm init --config /run/kubeadm/kubeadm.yaml  && echo success > /run/cluster-api/bootstrap-success.complete'
- "cat /run/kubeadm/kubeadm.yaml > /order.config; echo post >> /order"
`

func TestScript_runsCommandsAroundKubeadmInOrder(t *testing.T) {
	m := boot(t, initConfig, "")
	console, ok := m.run(t)
	if !ok {
		t.Fatalf("failed:\n%s\n%s", console, m.read(altcos.StateDir+"/bootstrap.log"))
	}
	want := `altcos-bootstrap: file /run/kubeadm/kubeadm.yaml
altcos-bootstrap: command 1 of 4
altcos-bootstrap: command 2 of 4
altcos-bootstrap: command 3 of 4: kubeadm init
altcos-bootstrap: command 4 of 4
altcos-bootstrap: done
`
	assert.Equal(t, want, console)
	assert.Equal(t, "pre / it's\nkubeadm init --config "+m.root+"/run/kubeadm/kubeadm.yaml\npost\n", m.read("/order"))
	if got := m.read("/run/cluster-api/bootstrap-success.complete"); got != "success\n" {
		t.Errorf("sentinel: %q", got)
	}
	if got := m.read("/etc/tmpfiles.d/altcos-bootstrap.conf"); !strings.HasSuffix(got, "bootstrap-success.complete 0644 - - - success\n") {
		t.Errorf("sentinel of later boots: %q", got)
	}
	if got := m.read("/order.config"); !strings.Contains(got, "criSocket: unix:///var"+m.root+"/run/crio/crio.sock") {
		t.Errorf("post commands saw kubeadm's configuration as %q", got)
	}
	for _, gone := range []string{altcos.StateDir + "/stage", "/run/kubeadm"} {
		if _, err := os.Stat(m.path(gone)); !os.IsNotExist(err) {
			t.Errorf("%s is still there", gone)
		}
	}
	info, err := os.Stat(m.path(altcos.StateDir + "/bootstrap.log"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", info, err)
	}
	if !strings.Contains(m.read(altcos.StateDir+"/bootstrap.log"), "TOKEN-") || strings.Contains(console, "TOKEN-") {
		t.Error("kubeadm's output must be in the log and nowhere else")
	}
}

func TestScript_stopsAtTheFirstFailure(t *testing.T) {
	cases := map[string]struct{ runcmd, kubeadm, order, console string }{
		"a failing command before kubeadm":  {`["false", "KUBEADM", "echo post >> /order"]`, "", "no such file", "command 1 of 3 failed with status 1;"},
		"the first half of an and-list":     {`["false && true", "KUBEADM"]`, "", "no such file", "command 1 of 2 failed with status 1;"},
		"the first line of several":         {`["false\ntrue", "KUBEADM"]`, "", "no such file", "command 1 of 2 failed with status 1;"},
		"a failure after somebody's set +e": {`["set +e", "false", "KUBEADM"]`, "", "no such file", "command 2 of 3 failed with status 1;"},
		"an early exit":                     {`["exit 0", "KUBEADM"]`, "", "no such file", "command 1 of 2 ended the script;"},
		"a syntax error":                    {`["if", "KUBEADM"]`, "", "no such file", "command 1 of 2 failed with status 2;"},
		"an open quote":                     {`["echo \"", "KUBEADM"]`, "", "no such file", "command 1 of 2 failed with status 2;"},
		"kubeadm itself":                    {`["KUBEADM", "echo post >> /order"]`, "mkdir -p /etc/kubernetes; touch /etc/kubernetes/kubelet.conf; exit 7", "kubeadm join --config /x\n", "command 1 of 2: kubeadm join failed with status 7;"},
		"a failing command after kubeadm":   {`["KUBEADM", "false", "echo post >> /order"]`, "", "kubeadm join --config /x\n", "command 2 of 3 failed with status 1;"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m := boot(t, "runcmd: "+strings.ReplaceAll(tc.runcmd, "KUBEADM", "kubeadm join --config /x && echo success > /run/cluster-api/bootstrap-success.complete"), tc.kubeadm)
			console, ok := m.run(t)
			if ok {
				t.Error("the script succeeded")
			}
			if !strings.Contains(console, tc.console) {
				t.Errorf("console lacks %q:\n%s", tc.console, console)
			}
			if got := m.read("/order"); got != tc.order {
				t.Errorf("order: %q, want %q", got, tc.order)
			}
			joined := strings.Contains(tc.order, "kubeadm") && tc.kubeadm == ""
			if sentinel := m.read("/run/cluster-api/bootstrap-success.complete") == "success\n"; sentinel != joined {
				t.Errorf("sentinel is there: %t, kubeadm succeeded: %t", sentinel, joined)
			}
		})
	}
}

// Ignition enables a unit that the image lacks without a word; time servers would be lost unseen.
func TestScript_wantsTheTimeServiceOfTheImage(t *testing.T) {
	for name, status := range map[string]string{"there": "0", "missing": "1"} {
		m := boot(t, "ntp: {servers: [a.example]}"+initConfig, "")
		m.write(t, "/bin/systemctl", 0o755, []byte("#!/bin/sh\n[ \"$*\" = 'cat systemd-timesyncd.service' ] || exit 5\nexit "+status+"\n"))
		console, ok := m.run(t)
		const failure = "altcos-bootstrap: look for systemd-timesyncd.service, which this image must have failed with status 1"
		if missing := status == "1"; ok == missing || strings.Contains(console, failure) != missing {
			t.Errorf("%s: ended well %t\n%s", name, ok, console)
		}
	}
}

func TestScript_repeatsAJoinThatDidNotStartTheKubelet(t *testing.T) {
	const join = "runcmd: ['kubeadm join --config /x && echo success > /run/cluster-api/bootstrap-success.complete']"
	t.Run("until it succeeds", func(t *testing.T) {
		m := boot(t, join, "[ $(wc -l < /order) = 3 ]")
		console, ok := m.run(t)
		if !ok || strings.Count(console, "trying again") != 2 || strings.Count(m.read("/order"), "kubeadm join") != 3 {
			t.Errorf("success: %t, kubeadm ran as\n%s\n%s", ok, m.read("/order"), console)
		}
	})
	t.Run("not for ever", func(t *testing.T) {
		m := boot(t, join, "exit 1")
		console, ok := m.run(t)
		if ok || !strings.Contains(console, "kubeadm join failed with status 1;") || strings.Count(m.read("/order"), "kubeadm join") != 20 {
			t.Errorf("success: %t, kubeadm ran as\n%s\n%s", ok, m.read("/order"), console)
		}
	})
	// as kubeadm's preflight checks do, it refuses what an earlier attempt left
	const prepare = "mkdir -p /etc/kubernetes; cd /etc/kubernetes; [ ! -e bootstrap-kubelet.conf ] && [ ! -e manifests/kube-apiserver.yaml ] && [ ! -e pki/ca.crt ] || exit 7\n" +
		"mkdir -p manifests pki; touch admin.conf bootstrap-kubelet.conf manifests/kube-apiserver.yaml pki/ca.crt pki/etcd.crt\n"
	t.Run("without what it prepared", func(t *testing.T) {
		m := boot(t, join, prepare+"[ $(wc -l < /order) = 3 ]")
		m.write(t, "/etc/kubernetes/scheduler.conf", 0o600, []byte("user's"))
		console, ok := m.run(t)
		if !ok || strings.Count(console, "before it started the kubelet; trying again") != 2 || m.read("/etc/kubernetes/scheduler.conf") != "user's" {
			t.Errorf("success: %t, kubeadm ran as\n%s\n%s", ok, m.read("/order"), console)
		}
	})
	t.Run("whatever a command before made of the shell", func(t *testing.T) {
		for _, ifs := range []string{"", ",", "/"} {
			m := boot(t, "runcmd: [\"IFS='"+ifs+"'; set -u\", "+strings.TrimPrefix(join, "runcmd: ["), prepare+"[ $(wc -l < /order) = 3 ]")
			if console, ok := m.run(t); !ok {
				t.Errorf("IFS=%q: %s", ifs, console)
			}
		}
	})
	t.Run("without the CA's certificate where the configuration has it", func(t *testing.T) {
		const config = "write_files: [{path: /run/kubeadm/kubeadm-join-config.yaml, content: \"apiVersion: kubeadm.k8s.io/v1beta4\\ncaCertPath: /etc/kubernetes/own.crt\\nkind: JoinConfiguration\\n\"}]\n"
		m := boot(t, config+join, "mkdir -p /etc/kubernetes; [ ! -e /etc/kubernetes/own.crt ] || exit 7; touch /etc/kubernetes/own.crt; [ $(wc -l < /order) = 2 ]")
		if console, ok := m.run(t); !ok {
			t.Errorf("failed: %s", console)
		}
	})
	for _, file := range []string{"/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env"} {
		t.Run("not once there is "+file, func(t *testing.T) {
			m := boot(t, join, prepare+"mkdir -p /var/lib/kubelet; touch "+file+"; exit 1")
			console, ok := m.run(t)
			if ok || strings.Count(m.read("/order"), "kubeadm join") != 1 || m.read("/etc/kubernetes/pki/ca.crt") != "" {
				t.Errorf("success: %t, kubeadm ran as\n%s\n%s", ok, m.read("/order"), console)
			}
		})
	}
	t.Run("where the image has a configuration of the kubelet", func(t *testing.T) {
		m := boot(t, join, "[ $(wc -l < /order) = 2 ]")
		m.write(t, "/var/lib/kubelet/config.yaml", 0o600, nil)
		if console, ok := m.run(t); !ok {
			t.Errorf("failed: %s", console)
		}
	})
}

func TestScript_doesNotRepeatAnInterruptedAttempt(t *testing.T) {
	m := boot(t, initConfig, "exit 1")
	if _, ok := m.run(t); ok {
		t.Fatal("the first attempt succeeded")
	}
	before := m.read("/order")
	console, ok := m.run(t)
	if ok || !strings.Contains(console, "this machine must be replaced") {
		t.Errorf("second attempt: %t\n%s", ok, console)
	}
	if after := m.read("/order"); after != before {
		t.Errorf("kubeadm ran again:\n%s", after)
	}
}

func TestScript_putsStagedFilesInPlace(t *testing.T) {
	m := boot(t, `
write_files:
- {path: /run/a/one, content: 1, permissions: '0600', owner: 'etcd:etcd'}
- {path: /run/a/one, content: 2, append: true, permissions: '0640', owner: etcd}
- {path: /run/a/two, content: 1, permissions: '0600'}
- {path: /run/a/two, content: 2, append: true}
- {path: /run/a/three, content: 3, append: true}
- {path: /run/a/four, content: 3}
- {path: /run/a/four, content: 4}
runcmd: [true]
`, "")
	if console, ok := m.run(t); !ok {
		t.Fatalf("failed:\n%s", console)
	}
	for path, want := range map[string]string{
		"/run/a/one": "12 -rw-r-----", "/run/a/two": "12 -rw-------", // appended text changes nothing that it does not name
		"/run/a/three": "3 -rw-r--r--", "/run/a/four": "4 -rw-r--r--",
	} {
		info, err := os.Stat(m.path(path))
		assert.NoError(t, err)
		if got := m.read(path) + " " + info.Mode().String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if got := strings.ReplaceAll(m.read("/owners"), m.root, ""); got != `chown etcd:etcd /run/a/one
chown etcd /run/a/one
chown root:root /run/a/two
chown root:root /run/a/four
chown root:root /run/a/four
` {
		t.Errorf("owners %q", got)
	}
}

// TestScript_givesFilesToWhomIgnitionDoesNotFind: a name that it cannot look up would stop the boot.
func TestScript_givesFilesToWhomIgnitionDoesNotFind(t *testing.T) {
	config := layer(t, `
write_files:
- {path: /etc/a, owner: 'root:systemd-journal'}
- {path: /etc/b, owner: 'etcd:etcd'}
- {path: /etc/b, owner: 'etcd', append: true, content: x}
- {path: /etc/c, owner: 'etcd'}
- {path: /etc/c, owner: 'op:staff'}
- {path: /etc/d, owner: 'op:op'}
- {path: /etc/e, owner: 'altcos:adm'}
- {path: /run/f, owner: 'etcd'}
users: [{name: op, primary_group: staff}]
runcmd: ["echo command >> /owners"]
`)
	have := map[string]string{}
	for _, f := range config.Storage.Files {
		have[f.Path] = id(f.User.ID, f.User.Name) + ":" + id(f.Group.ID, f.Group.Name)
	}
	for path, want := range map[string]string{"/etc/a": ":", "/etc/b": ":", "/etc/c": "op:staff", "/etc/d": ":", "/etc/e": "altcos:adm"} {
		if have[path] != want {
			t.Errorf("Ignition gives %s to %q, want %q", path, have[path], want)
		}
	}
	m := start(t, config, "")
	if console, ok := m.run(t); !ok {
		t.Fatalf("failed:\n%s", console)
	}
	want := "chown etcd /run/f\nchown root:systemd-journal /etc/a\nchown etcd /etc/b\nchown op:op /etc/d\ncommand\n"
	assert.Equal(t, want, strings.ReplaceAll(m.read("/owners"), m.root, ""))
}

func TestConvert_runsBootCommandsBeforeKubeadm(t *testing.T) {
	got := layer(t, "bootcmd: ['echo one', 'echo it''s']\nruncmd: [true]")
	for _, f := range got.Storage.Files {
		if f.Path == altcos.StateDir+"/bootcmd.sh" {
			want := "#!/bin/sh\n(umask 077; : >> /var/lib/altcos-bootstrap/bootstrap.log)\nexec >> /var/lib/altcos-bootstrap/bootstrap.log 2>&1\nset -e\neval 'echo one'\nset -e\neval 'echo it'\\''s'\n"
			assert.Equal(t, want, contents(t, f.Contents))
		}
	}
	for _, u := range got.Systemd.Units {
		if u.Name == altcos.KubeadmUnit && !strings.Contains(*u.Contents, "Requires=altcos-bootcmd.service\n") {
			t.Errorf("kubeadm does not need the boot commands:\n%s", *u.Contents)
		}
	}
}
