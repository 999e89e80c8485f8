// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build lab

package lifecycle_test

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	// tokenPattern is the whole of a bootstrap token, see kubeadm's BootstrapTokenPattern.
	tokenPattern       = regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`)
	keyPattern         = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\\?n?\s*([A-Za-z0-9+/=\s]+)`)
	certificatePattern = regexp.MustCompile(`certificateKey: ([0-9a-f]{64})`)
)

// secrets are pieces of text that must not be found, with what they are.
type secrets struct{ found map[string]string }

// collect learns from every Secret of the cluster. It is repeated, because tokens come with machines.
func (k *secrets) collect(s *story) {
	list := &corev1.SecretList{}
	s.must(s.demo.Management.List(s.ctx, list))
	for _, secret := range list.Items {
		for key, value := range secret.Data {
			k.learn(secret.Name+"/"+key, value)
		}
	}
	if len(k.found) == 0 {
		s.Fatal("no secret was found to look for")
	}
}

func (k *secrets) learn(source string, value []byte) {
	for _, token := range tokenPattern.FindAll(value, -1) {
		k.found[string(token)] = "token in " + source
	}
	for _, match := range certificatePattern.FindAllSubmatch(value, -1) {
		k.found[string(match[1])] = "certificate key in " + source
	}
	for _, match := range keyPattern.FindAllSubmatch(value, -1) {
		lines := strings.Fields(string(match[1]))
		if len(lines) == 0 {
			continue
		}
		line := lines[len(lines)/2]
		k.found[line] = "private key in " + source
		k.found[base64.StdEncoding.EncodeToString([]byte(line))] = "private key in " + source + ", encoded"
	}
}

// in names what a text gives away.
func (k *secrets) in(text []byte) []string {
	var told []string
	for secret, what := range k.found {
		if bytes.Contains(text, []byte(secret)) {
			told = append(told, what)
		}
	}
	return told
}

func (k *secrets) expectNone(s *story, where string, text []byte) {
	s.Helper()
	if told := k.in(text); len(told) != 0 {
		s.Errorf("%s: %v", where, told)
	}
}

// toldNoSecret reads what people and machines may read: logs, events, conditions, arguments of processes, consoles.
func (s *story) toldNoSecret() {
	s.secrets.collect(s)
	logs, err := s.demo.Logs()
	s.must(err)
	for name, content := range logs {
		s.secrets.expectNone(s, "log "+name, content)
	}
	events := &corev1.EventList{}
	s.must(s.demo.Management.List(s.ctx, events))
	for _, event := range events.Items {
		s.secrets.expectNone(s, "event of "+event.InvolvedObject.Name, []byte(event.Message))
	}
	for _, kind := range []schema.GroupVersionKind{
		{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"},
		{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtHost"},
		{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtCluster"},
		{Group: "infrastructure.cluster.x-k8s.io", Version: "v1alpha1", Kind: "LibvirtMachine"},
		{Group: "bootstrap.cluster.x-k8s.io", Version: "v1alpha1", Kind: "AltcosBootstrapConfig"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		s.must(s.demo.Management.List(s.ctx, list, &client.ListOptions{}))
		for _, o := range list.Items {
			text, err := o.MarshalJSON()
			s.must(err)
			s.secrets.expectNone(s, kind.Kind+" "+o.GetName(), text)
		}
	}
	for _, host := range s.hosts() {
		output, err := host.Exec(s.ctx, "sh", "-c", "ps axo args; cat /var/log/libvirt/qemu/*; journalctl --no-pager")
		s.must(err)
		s.secrets.expectNone(s, "host "+host.Name, []byte(output))
	}
}

// leavesNoBootstrapData wants the Ignition configurations of machines that have joined to be gone from their hosts.
func (s *story) leavesNoBootstrapData() {
	for _, host := range s.hosts() {
		for _, volume := range s.exec(host, "ls", "/var/lib/libvirt/images") {
			if strings.HasSuffix(volume, ".ign") {
				s.Errorf("host %s keeps %s", host.Name, volume)
			}
		}
		// The hosts' own root disks of machines hold cluster keys, as they must; everything else may not.
		output, err := host.Exec(s.ctx, "sh", "-c", "grep -rlE 'BEGIN [A-Z ]*PRIVATE KEY|certificateKey' /etc/altcos-capi /etc/libvirt /var/lib/libvirt/qemu /run/libvirt /tmp 2>/dev/null; true")
		s.must(err)
		if output != "" {
			s.Errorf("host %s holds secrets in %s", host.Name, output)
		}
	}
}
