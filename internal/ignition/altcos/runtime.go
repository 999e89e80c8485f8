// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// StorageDriver is how images and containers are kept.
type StorageDriver string

// Storage drivers. The empty value means DriverBtrfs with a device and DriverOverlay without one.
const (
	DriverBtrfs   StorageDriver = "Btrfs"
	DriverOverlay StorageDriver = "Overlay"
)

const (
	containersRoot = "/var/lib/containers/storage"
	containersRun  = "/var/run/containers/storage"
)

// runtime leaves the image's choice of storage alone when the profile has none: an image may bring stores of its own.
func (p *Profile) runtime(b *ignition.Builder, problems *problem.List) {
	dirs := p.CNIPluginDirs
	if dirs == nil {
		dirs = []string{"/usr/libexec/cni", "/opt/cni/bin"}
	}
	checkDirs(problems, "cniPluginDirs", dirs)
	// CRI-O 1.22.1-alt1 enables a bridge whose subnet conflicts with flannel's. Without a type this is not a network: CRI-O
	// skips the file, and the node is not ready before its real network exists.
	b.File("/etc/cni/net.d/100-crio-bridge.conf", 0o644, []byte("{}\n"))
	var crio toml
	if !p.ContainerStorage.isZero() {
		p.storageFiles(b, &crio, problems)
	}
	crio.table("crio.network")
	crio.list("plugin_dirs", dirs)
	b.File("/etc/crio/crio.conf.d/90-altcos.conf", 0o644, crio.bytes())
}

func (p *Profile) storageFiles(b *ignition.Builder, crio *toml, problems *problem.List) {
	s := p.ContainerStorage
	driver := s.Driver
	switch {
	case driver == "" && s.Device != "":
		driver = DriverBtrfs
	case driver == "":
		driver = DriverOverlay
	case driver == DriverBtrfs && s.Device == "":
		problems.Addf("containerStorage.driver", "Btrfs needs a device, the root disk is ext4")
	case driver != DriverBtrfs && driver != DriverOverlay:
		problems.Addf("containerStorage.driver", "must be Btrfs or Overlay")
	}
	checkDirs(problems, "containerStorage.additionalImageStores", s.AdditionalImageStores)
	name := strings.ToLower(string(driver))
	crio.table("crio")
	crio.set("root", containersRoot)
	crio.set("runroot", containersRun)
	crio.set("storage_driver", name)
	crio.list("storage_option", nil)
	b.File("/etc/containers/storage.conf", 0o644, storageConf(name, s.AdditionalImageStores))
	b.File("/etc/docker/daemon.json", 0o644, dockerConf(map[StorageDriver]string{DriverBtrfs: "btrfs", DriverOverlay: "overlay2"}[driver]))
}

func checkDirs(problems *problem.List, field string, dirs []string) {
	for i, d := range dirs {
		if !path.IsAbs(d) || strings.ContainsAny(d, "\"\\\n\x00") {
			problems.Addf(fmt.Sprintf("%s[%d]", field, i), "must be an absolute path without quotes")
		}
	}
}

func storageConf(driver string, stores []string) []byte {
	var t toml
	t.table("storage")
	t.set("driver", driver)
	t.set("runroot", containersRun)
	t.set("graphroot", containersRoot)
	t.table("storage.options")
	t.list("additionalimagestores", stores)
	if driver == "overlay" {
		t.table("storage.options.overlay")
		t.set("mountopt", "nodev")
	}
	return t.bytes()
}

// dockerConfig is the part of dockerd's daemon.json that the image's own file sets, and the storage driver.
type dockerConfig struct {
	DataRoot       string                   `json:"data-root"`
	DefaultRuntime string                   `json:"default-runtime"`
	DefaultUlimits map[string]dockerUlimit  `json:"default-ulimits"`
	InitPath       string                   `json:"init-path"`
	LiveRestore    bool                     `json:"live-restore"`
	LogDriver      string                   `json:"log-driver"`
	Runtimes       map[string]dockerRuntime `json:"runtimes"`
	StorageDriver  string                   `json:"storage-driver"`
	UserlandProxy  string                   `json:"userland-proxy-path"`
}

type dockerRuntime struct {
	Path string `json:"path"`
}

type dockerUlimit struct {
	Name string
	Hard int
	Soft int
}

func dockerConf(driver string) []byte {
	out, err := json.MarshalIndent(dockerConfig{
		DataRoot:       "/var/lib/docker/",
		DefaultRuntime: "docker-runc",
		DefaultUlimits: map[string]dockerUlimit{"nofile": {Name: "nofile", Hard: 64000, Soft: 64000}},
		InitPath:       "/usr/bin/tini",
		LogDriver:      "journald",
		Runtimes:       map[string]dockerRuntime{"docker-runc": {Path: "/usr/bin/runc"}},
		StorageDriver:  driver,
		UserlandProxy:  "/usr/bin/docker-proxy",
	}, "", "  ")
	if err != nil {
		panic(err) // the struct holds nothing that JSON cannot
	}
	return append(out, '\n')
}
