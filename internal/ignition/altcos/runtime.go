// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/problem"
)

// StorageDriver is how images and containers are kept.
type StorageDriver string

// Storage drivers. The empty value means Btrfs with a ContainerDisk and Overlay without one.
const (
	DriverBtrfs   StorageDriver = "Btrfs"
	DriverOverlay StorageDriver = "Overlay"
)

// Runtime configures CRI-O, podman and docker alike.
type Runtime struct {
	StorageDriver StorageDriver
	// ImageStores are read-only directories with further images, searched in order; Overlay only.
	ImageStores []string
	// CNIPluginDirs default to /usr/libexec/cni and /opt/cni/bin. The first is read-only, so plugins that install
	// themselves write to the second.
	CNIPluginDirs []string
}

const (
	containersRoot = "/var/lib/containers/storage"
	containersRun  = "/var/run/containers/storage"
)

func (p *Profile) runtime(b *ignition.Builder, problems *problem.List) {
	driver := p.Runtime.StorageDriver
	switch {
	case driver == "" && p.ContainerDisk != nil:
		driver = DriverBtrfs
	case driver == "":
		driver = DriverOverlay
	case driver == DriverBtrfs && p.ContainerDisk == nil:
		problems.Addf("runtime.storageDriver", "Btrfs needs a containerDisk, the root disk is ext4")
		return
	case driver != DriverBtrfs && driver != DriverOverlay:
		problems.Addf("runtime.storageDriver", "must be Btrfs or Overlay")
		return
	}
	if driver != DriverOverlay && len(p.Runtime.ImageStores) > 0 {
		problems.Addf("runtime.imageStores", "need storageDriver Overlay, a store can only be shared by the same driver")
	}
	checkDirs(problems, "runtime.imageStores", p.Runtime.ImageStores)
	dirs := p.Runtime.CNIPluginDirs
	if dirs == nil {
		dirs = []string{"/usr/libexec/cni", "/opt/cni/bin"}
	}
	checkDirs(problems, "runtime.cniPluginDirs", dirs)
	name := strings.ToLower(string(driver))
	b.File("/etc/crio/crio.conf.d/90-altcos.conf", 0o644, crioConf(name, dirs))
	b.File("/etc/containers/storage.conf", 0o644, storageConf(name, p.Runtime.ImageStores))
	b.File("/etc/docker/daemon.json", 0o644, dockerConf(map[StorageDriver]string{DriverBtrfs: "btrfs", DriverOverlay: "overlay2"}[driver]))
	// CRI-O 1.22.1-alt1 enables a bridge whose subnet fights with flannel's; this is no network, so CRI-O ignores the file
	b.File("/etc/cni/net.d/100-crio-bridge.conf", 0o644, []byte(`{"type": "bridge"}`+"\n"))
}

func checkDirs(problems *problem.List, field string, dirs []string) {
	for i, d := range dirs {
		if !path.IsAbs(d) || strings.ContainsAny(d, "\"\\\n\x00") {
			problems.Addf(fmt.Sprintf("%s[%d]", field, i), "must be an absolute path without quotes")
		}
	}
}

func crioConf(driver string, pluginDirs []string) []byte {
	var t toml
	t.table("crio")
	t.set("root", containersRoot)
	t.set("runroot", containersRun)
	t.set("storage_driver", driver)
	t.list("storage_option", nil)
	t.table("crio.network")
	t.list("plugin_dirs", pluginDirs)
	return t.bytes()
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
		t.set("mountopt", "nodev,metacopy=on")
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
