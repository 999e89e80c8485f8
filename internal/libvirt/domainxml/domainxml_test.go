// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package domainxml

import (
	"errors"
	"path/filepath"
	"testing"

	"libvirt.org/go/libvirtxml"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/golden"
)

const id = "11111111-2222-4333-8444-555555555555"

func smallest() (virt.DomainSpec, Resolved) {
	return virt.DomainSpec{
		UUID: id, Name: "default-worker-1-abcde", Owner: virt.Owner{UID: id}, VCPUs: 1, MemoryBytes: 1 << 30,
	}, Resolved{Accelerator: virt.AcceleratorKVM, Machine: "pc-q35-7.2"}
}

func largest() (virt.DomainSpec, Resolved) {
	spec, resolved := smallest()
	spec.Title = "default/worker-1 of <c1> & friends"
	spec.Owner = virt.Owner{UID: id, Cluster: "c1", Namespace: "default", Name: "worker <1> & 'co'"}
	spec.VCPUs, spec.MemoryBytes, spec.CPUModel = 4, 8<<30, "host-model"
	spec.Firmware, spec.TPM = virt.FirmwareUEFISecureBoot, true
	spec.Disks = []virt.Disk{
		{Volume: virt.VolumeRef{Pool: "p", Name: "root"}, Serial: "root"}, {Volume: virt.VolumeRef{Pool: "p", Name: "data"}, Serial: "data"},
	}
	spec.Interfaces = []virt.Interface{
		{MAC: "52:54:00:AA:00:01", Bridge: "br0", MTU: 9000}, {MAC: "52:54:00:aa:00:02", Bridge: "ovs0", VLAN: 160},
	}
	spec.FirmwareConfig = &virt.VolumeRef{Pool: "p", Name: "config"}
	resolved.Disks = []DiskFile{{Path: "/pool/root & <1>", Format: virt.VolumeQCOW2}, {Path: "/pool/data", Format: virt.VolumeRaw}}
	resolved.FirmwareConfigPath = "/pool/config"
	resolved.OpenVSwitch = map[string]bool{"ovs0": true}
	return spec, resolved
}

func variants() map[string]func() (virt.DomainSpec, Resolved) {
	return map[string]func() (virt.DomainSpec, Resolved){
		"smallest": smallest,
		"largest":  largest,
		"tcg": func() (virt.DomainSpec, Resolved) {
			spec, resolved := smallest()
			resolved.Accelerator = virt.AcceleratorTCG
			return spec, resolved
		},
		"uefi-named-cpu": func() (virt.DomainSpec, Resolved) {
			spec, resolved := smallest()
			spec.Firmware, spec.CPUModel = virt.FirmwareUEFI, "EPYC"
			return spec, resolved
		},
	}
}

func TestBuild_golden(t *testing.T) {
	for name, variant := range variants() {
		t.Run(name, func(t *testing.T) {
			golden.Assert(t, []byte(marshalled(t, variant)), filepath.Join("testdata", name+".golden.xml"))
		})
	}
}

func marshalled(t *testing.T, variant func() (virt.DomainSpec, Resolved)) string {
	t.Helper()
	domain, err := Build(variant())
	assert.NoError(t, err)
	text, err := Marshal(domain)
	assert.NoError(t, err)
	return text
}

func TestObserve_readsBackWhatWasBuilt(t *testing.T) {
	for name, variant := range variants() {
		t.Run(name, func(t *testing.T) {
			spec, resolved := variant()
			domain, err := Parse(marshalled(t, variant))
			assert.NoError(t, err)
			want := virt.Domain{
				UUID: spec.UUID, Name: spec.Name, Owner: spec.Owner, VCPUs: spec.VCPUs, MemoryBytes: spec.MemoryBytes,
				HasFirmwareConfig: spec.FirmwareConfig != nil, ConsoleLog: ConsoleLogPath(spec.Name),
			}
			for _, disk := range resolved.Disks {
				want.DiskPaths = append(want.DiskPaths, disk.Path)
			}
			assert.Equal(t, want, Observe(domain))
		})
	}
}

func TestBuild_refusesNonsense(t *testing.T) {
	for name, change := range map[string]func(*virt.DomainSpec, *Resolved){
		"a uuid in another form":      func(s *virt.DomainSpec, _ *Resolved) { s.UUID = "{" + id + "}" },
		"an owner of another machine": func(s *virt.DomainSpec, _ *Resolved) { s.Owner.UID = "x" },
		"an empty name":               func(s *virt.DomainSpec, _ *Resolved) { s.Name = "" },
		"a name with a slash":         func(s *virt.DomainSpec, _ *Resolved) { s.Name = "../x" },
		"a title of two lines":        func(s *virt.DomainSpec, _ *Resolved) { s.Title = "a\nb" },
		"no cpu":                      func(s *virt.DomainSpec, _ *Resolved) { s.VCPUs = 0 },
		"memory in the wrong unit":    func(s *virt.DomainSpec, _ *Resolved) { s.MemoryBytes = 4096 },
		"an unknown firmware":         func(s *virt.DomainSpec, _ *Resolved) { s.Firmware = "OpenFirmware" },
		"no machine type":             func(_ *virt.DomainSpec, r *Resolved) { r.Machine = "" },
		"a disk without a file":       func(_ *virt.DomainSpec, r *Resolved) { r.Disks = nil },
		"a config without a file":     func(_ *virt.DomainSpec, r *Resolved) { r.FirmwareConfigPath = "" },
		"a serial udev would change":  func(s *virt.DomainSpec, _ *Resolved) { s.Disks[0].Serial = "a b" },
		"the same serial twice":       func(s *virt.DomainSpec, _ *Resolved) { s.Disks[1].Serial = "root" },
		"too many disks": func(s *virt.DomainSpec, r *Resolved) {
			s.Disks, r.Disks = make([]virt.Disk, maxDisks+1), make([]DiskFile, maxDisks+1)
		},
		"no bridge":            func(s *virt.DomainSpec, _ *Resolved) { s.Interfaces[0].Bridge = "" },
		"a multicast mac":      func(s *virt.DomainSpec, _ *Resolved) { s.Interfaces[0].MAC = "53:54:00:00:00:01" },
		"a mac of eight bytes": func(s *virt.DomainSpec, _ *Resolved) { s.Interfaces[0].MAC = "52:54:00:00:00:01:02:03" },
		"a vlan out of range":  func(s *virt.DomainSpec, _ *Resolved) { s.Interfaces[0].VLAN = 4095 },
		"a negative mtu":       func(s *virt.DomainSpec, _ *Resolved) { s.Interfaces[0].MTU = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			spec, resolved := largest()
			change(&spec, &resolved)
			if _, err := Build(spec, resolved); !errors.Is(err, virt.ErrInvalid) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestStripFirmwareConfig_leavesEverythingElse(t *testing.T) {
	domain, err := Build(largest())
	assert.NoError(t, err)
	if !StripFirmwareConfig(domain) || StripFirmwareConfig(domain) {
		t.Error("the configuration was not there, or is still there")
	}
	spec, resolved := largest()
	spec.FirmwareConfig, resolved.FirmwareConfigPath = nil, ""
	want, err := Build(spec, resolved)
	assert.NoError(t, err)
	wantText, _ := Marshal(want)
	gotText, _ := Marshal(domain)
	assert.Equal(t, wantText, gotText)
}

func TestStripFirmwareConfig_keepsEntriesOfOthers(t *testing.T) {
	domain, err := Parse(`<domain><sysinfo type='smbios'/><sysinfo type='fwcfg'>` +
		`<entry name='opt/other'>x</entry><entry name='` + FirmwareConfigName + `' file='/f'/></sysinfo></domain>`)
	assert.NoError(t, err)
	if !StripFirmwareConfig(domain) || len(domain.SysInfo) != 2 || domain.SysInfo[1].FWCfg.Entry[0].Name != "opt/other" {
		t.Errorf("left is %+v", domain.SysInfo)
	}
}

func TestOwner_isZeroForWhatIsNotOurs(t *testing.T) {
	for name, metadata := range map[string]string{
		"no metadata":            "",
		"another namespace":      `<m:machine xmlns:m='https://example.org/'><uid>` + id + `</uid></m:machine>`,
		"no namespace":           `<machine><uid>` + id + `</uid></machine>`,
		"the uid of another":     `<m:machine xmlns:m='` + MetadataNamespace + `'><m:uid>x</m:uid></m:machine>`,
		"broken XML":             `<m:machine`,
		"an element of ours too": `<m:other xmlns:m='` + MetadataNamespace + `'><m:uid>` + id + `</m:uid></m:other>`,
	} {
		domain, err := Parse("<domain><uuid>" + id + "</uuid></domain>")
		assert.NoError(t, err)
		if metadata != "" {
			domain.Metadata = &libvirtxml.DomainMetadata{XML: metadata}
		}
		if got := Owner(domain); got != (virt.Owner{}) {
			t.Errorf("%s: owner is %+v", name, got)
		}
	}
}

func TestOwner_isFoundBesideOthersAndWithAnyPrefix(t *testing.T) {
	domain, err := Parse("<domain><uuid>" + id + "</uuid><metadata>" +
		"<a:x xmlns:a='https://example.org/'><a:y/></a:x>" +
		"<z:machine xmlns:z='" + MetadataNamespace + "'><z:uid>" + id + "</z:uid><z:name>n</z:name></z:machine></metadata></domain>")
	assert.NoError(t, err)
	assert.Equal(t, virt.Owner{UID: id, Name: "n"}, Owner(domain))
}

func TestUses_findsAVolumeWhereverItIsNamed(t *testing.T) {
	volume := virt.Volume{VolumeRef: virt.VolumeRef{Pool: "p", Name: "v"}, Path: "/p/v"}
	for _, c := range []struct {
		name, xml      string
		uses, usesDisk bool
	}{
		{"as a file", `<devices><disk type='file'><source file='/p/v'/></disk></devices>`, true, true},
		{"as a volume", `<devices><disk type='volume'><source pool='p' volume='v'/></disk></devices>`, true, true},
		{"as a block device", `<devices><disk type='block'><source dev='/p/v'/></disk></devices>`, true, true},
		{"below another file", `<devices><disk type='file'><source file='/p/w'/><backingStore type='file'>` +
			`<source file='/p/u'/><backingStore type='file'><source file='/p/v'/></backingStore></backingStore></disk></devices>`, true, true},
		{"as configuration", `<sysinfo type='fwcfg'><entry name='` + FirmwareConfigName + `' file='/p/v'/></sysinfo>`, true, false},
		{"not at all", `<devices><disk type='file'><source file='/p/vv'/></disk><disk type='file' device='cdrom'/></devices>`, false, false},
		{"in another pool", `<devices><disk type='volume'><source pool='q' volume='v'/></disk></devices>`, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			domain, err := Parse("<domain>" + c.xml + "</domain>")
			assert.NoError(t, err)
			if uses, usesDisk := Uses(domain, volume), UsesDisk(domain, volume); uses != c.uses || usesDisk != c.usesDisk {
				t.Errorf("uses is %t and %t, want %t and %t", uses, usesDisk, c.uses, c.usesDisk)
			}
		})
	}
}

// FuzzObserve checks that no XML of a host makes the reader fail, or own what does not carry its own UUID.
func FuzzObserve(f *testing.F) {
	spec, resolved := largest()
	domain, err := Build(spec, resolved)
	assert.NoError(f, err)
	text, err := Marshal(domain)
	assert.NoError(f, err)
	f.Add(text)
	f.Add("<domain><metadata><a/></metadata><sysinfo type='fwcfg'/><devices><disk/></devices></domain>")
	f.Fuzz(func(t *testing.T, text string) {
		domain, err := Parse(text)
		if err != nil {
			return
		}
		observed := Observe(domain)
		if observed.Owner.UID != "" && observed.Owner.UID != observed.UUID {
			t.Fatalf("owner %q of domain %q", observed.Owner.UID, observed.UUID)
		}
		StripFirmwareConfig(domain)
		if Observe(domain).HasFirmwareConfig {
			t.Fatal("configuration is left")
		}
	})
}
