// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package cloudconfig_test

import (
	"strings"
	"testing"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/cloudconfig"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

func TestParse_resolvesJinja(t *testing.T) {
	names := cloudconfig.InstanceData{Hostname: "w1", InstanceID: "6f1d", LocalIPv4: "10.0.0.1", LocalIPv6: "fd00::1", AvailabilityZone: "a"}
	cases := map[string]struct{ in, want string }{
		"names of ds.meta_data":           {"{{ ds.meta_data.hostname }}/{{ds.meta_data.local_hostname}}", "w1/w1"},
		"names with brackets and quotes":  {`{{ ds['meta_data']["instance_id"] }}`, "6f1d"},
		"standardised names":              {"{{ v1.instance_id }}.{{ v1.local_hostname }}.{{ v1.availability_zone }}", "6f1d.w1.a"},
		"aliases of standardised names":   {"{{ instance_id }}", "6f1d"},
		"addresses":                       {"{{ ds.meta_data.local_ipv4 }} {{ ds.meta_data.local_ipv6 }}", "10.0.0.1 fd00::1"},
		"literals":                        {`{{ "{{" }}`, "{{"},
		"raw text":                        {"{% raw %}{{ .Go }} ${#a[@]}{% endraw %}", "{{ .Go }} ${#a[@]}"},
		"braces that Jinja does not know": {"${HOME} {a} { {", "${HOME} {a} { {"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := cloudconfig.Parse([]byte(jinja+"runcmd:\n- |-\n  "+tc.in+"\n"), names)
			assert.NoError(t, err)
			if got.RunCmd[0] != tc.want {
				t.Errorf("got %q, want %q", got.RunCmd[0], tc.want)
			}
		})
	}
}

func TestParse_leavesTextAloneWithoutTheTemplateHeader(t *testing.T) {
	got, err := cloudconfig.Parse([]byte(header+"runcmd: ['{{ whatever }}']\n"), cloudconfig.InstanceData{})
	if err != nil || got.RunCmd[0] != "{{ whatever }}" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestParse_refusesJinjaByNameAndField(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"a name that nobody knows": {"runcmd: ['{{ ds.meta_data.public_ip }}']\n",
			`line 3 column 11: runcmd[0]: unknown Jinja name "ds.meta_data.public_ip"; known are ds.meta_data.hostname, ds.meta_data.instance_id, ds.meta_data.local_hostname, ds.meta_data.local_ipv4, ds.meta_data.local_ipv6, v1.availability_zone, v1.instance_id, v1.local_hostname`},
		"a name without a value": {"runcmd: ['{{ v1.availability_zone }}']\n",
			`line 3 column 11: runcmd[0]: Jinja name "v1.availability_zone" is not known when this data is rendered; write the value itself`},
		"an address before there is one": {"users:\n- name: a\n  gecos: on {{ ds.meta_data.local_ipv4 }}\n",
			`line 5 column 13: users[0].gecos: Jinja name "ds.meta_data.local_ipv4" is not known when this data is rendered; leave it out, kubelet gets --node-ip from the provider`},
		"another address, in a list": {"mounts:\n- [a, /b]\n- ['{{ ds[\"meta_data\"][\"local_ipv6\"] }}:/x', /c]\n",
			`line 5 column 5: mounts[1][0]: Jinja name "ds.meta_data.local_ipv6" is not known when this data is rendered; leave it out, kubelet gets --node-ip from the provider`},
		"an identity before there is one": {"bootcmd: [a, 'echo {{ instance_id }}']\n",
			`line 3 column 20: bootcmd[1]: Jinja name "instance_id" is not known when this data is rendered; leave it out, kubelet gets --provider-id from the provider`},
		"a name in the name of a device": {"disk_setup:\n  /dev/vda: {layout: true}\n  /dev/{{ ds.x }}: {layout: true}\n",
			"line 5 column 8: disk_setup[1]: unknown Jinja name \"ds.x\"; known are " + knownJinja},
		"a filter":    {"runcmd: ['{{ v1.instance_id | upper }}']\n", "line 3 column 11: runcmd[0]: a Jinja expression other than a plain name is refused; write {% raw %} and {% endraw %} around text that contains {{"},
		"a statement": {"runcmd: ['{% if x %}a{% endif %}']\n", "line 3 column 11: runcmd[0]: Jinja statements are refused, except {% raw %}"},
		"a comment, as in shell's ${#a[@]}": {"runcmd: ['echo ${#a[@]}']\n",
			"line 3 column 17: runcmd[0]: Jinja comments are refused; write {% raw %} and {% endraw %} around text that contains {#"},
		"a tag that stays open": {"runcmd: ['{{ x']\n", "line 3 column 11: runcmd[0]: {{ has no }}"},
		"a tag in a field that nobody knows": {"write_files:\n- {path: /x, whatever: '{{ ds.x }}'}\n",
			"line 4 column 25: write_files[0]: unknown Jinja name \"ds.x\"; known are " + knownJinja},
		"a tag where YAML ends": {"runcmd: [a\nntp: {{ ds.x }}\n", "line 4 column 6: unknown Jinja name \"ds.x\"; known are " + knownJinja},
		"a tag in a file, which is no YAML": {"write_files:\n- path: /x\n  content: |\n    a: b: {{ ds.x }}\n",
			"line 6 column 11: write_files[0].content: unknown Jinja name \"ds.x\"; known are " + knownJinja},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := cloudconfig.Parse([]byte(jinja+tc.in), cloudconfig.InstanceData{})
			if strings.Contains(tc.in, "v1.instance_id") {
				_, err = cloudconfig.Parse([]byte(jinja+tc.in), cloudconfig.InstanceData{InstanceID: "i"})
			}
			assert.Problem(t, err, tc.want)
		})
	}
}

const knownJinja = "ds.meta_data.hostname, ds.meta_data.instance_id, ds.meta_data.local_hostname, ds.meta_data.local_ipv4, ds.meta_data.local_ipv6, v1.availability_zone, v1.instance_id, v1.local_hostname"

// A worker's data is rendered before it has addresses: what people write for clouds has to lead them to the argument.
func TestParse_namesTheArgumentOfKubeletThatHasAnUnknownAddress(t *testing.T) {
	arg := func(name, value string) bootstrapv1.Arg { return bootstrapv1.Arg{Name: name, Value: new(value)} }
	data := cabpk.Render(t, cabpk.Worker, cloudinit.BaseUserData{AdditionalFiles: []bootstrapv1.File{{Path: "/etc/a", Content: "x"}}},
		bootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.hostname }}", KubeletExtraArgs: []bootstrapv1.Arg{
			arg("v", "3"), arg("node-ip", "{{ ds.meta_data.local_ipv4 }},{{ ds.meta_data.local_ipv6 }}"), arg("provider-id", "libvirt://{{ ds.meta_data.instance_id }}"),
		}})
	_, err := cloudconfig.Parse(data, cloudconfig.InstanceData{Hostname: "worker01"})
	var got []string
	for _, p := range problem.All(err) {
		got = append(got, p.Path+": "+p.Reason)
	}
	const stem = "write_files[1].content.nodeRegistration.kubeletExtraArgs"
	want := []string{
		stem + `[1].value: Jinja name "ds.meta_data.local_ipv4" is not known when this data is rendered; leave it out, kubelet gets --node-ip from the provider`,
		stem + `[1].value: Jinja name "ds.meta_data.local_ipv6" is not known when this data is rendered; leave it out, kubelet gets --node-ip from the provider`,
		stem + `[2].value: Jinja name "ds.meta_data.instance_id" is not known when this data is rendered; leave it out, kubelet gets --provider-id from the provider`,
	}
	assert.Equal(t, want, got)
}
