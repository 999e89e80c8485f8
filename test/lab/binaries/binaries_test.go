// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/test/lab/artifact"
)

func TestVersions_areWhatTheModulesPin(t *testing.T) {
	for _, test := range []struct {
		module      module
		dependency  string
		wantVersion string
	}{
		{kubernetesModule, "k8s.io/kubernetes", KubernetesVersion},
		{etcdModule, "go.etcd.io/etcd/server/v3", EtcdVersion},
		{clusterAPIModule, "sigs.k8s.io/cluster-api", ClusterAPIVersion},
		{clusterAPIModule, "sigs.k8s.io/cluster-api/api", ClusterAPIVersion},
		{ipamModule, "sigs.k8s.io/cluster-api-ipam-provider-in-cluster", IPAMVersion},
		{crioModule, "github.com/cri-o/cri-o", CRIOVersion},
		{coreDNSModule, "github.com/coredns/coredns", CoreDNSVersion},
		{flannelModule, "github.com/flannel-io/flannel", FlannelVersion},
		{ignitionModule, "github.com/coreos/ignition/v2", IgnitionVersion},
	} {
		t.Run(test.dependency, func(t *testing.T) {
			dir, err := test.module.dir()
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			if words := strings.Fields(string(content)); !pins(words, test.dependency, test.wantVersion) {
				t.Errorf("go.mod of %s does not require %s %s", test.module, test.dependency, test.wantVersion)
			}
		})
	}
}

func pins(words []string, dependency, version string) bool {
	for index := range words[:len(words)-1] {
		if words[index] == dependency && words[index+1] == version {
			return true
		}
	}
	return false
}

func TestImages_matchTheBinaries(t *testing.T) {
	etcdTag, _, _ := strings.Cut(strings.TrimPrefix(EtcdImage, ImageRegistry+"/etcd:"), "-")
	if diff := cmp.Diff(EtcdVersion, "v"+etcdTag); diff != "" {
		t.Errorf("version of the etcd image (-binary +image):\n%s", diff)
	}
}

func TestSet_programsAreComplete(t *testing.T) {
	for _, set := range Sets() {
		t.Run(string(set), func(t *testing.T) {
			programs, err := set.programs()
			if err != nil {
				t.Fatal(err)
			}
			for _, program := range programs {
				dir, err := program.module.dir()
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range []string{"go.mod", "go.sum"} {
					if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
						t.Errorf("module of %s: %v", program.name, err)
					}
				}
				if program.cgo && !slices.Contains(set.BuildPackages(), "gcc") {
					t.Errorf("%s needs a C compiler, but the set does not say so", program.name)
				}
			}
		})
	}
}

func TestEnsure_refusesUnknownSets(t *testing.T) {
	if _, err := Ensure(t.Context(), &artifact.Store{Dir: t.TempDir()}, "unknown"); err == nil {
		t.Error("no error for a set that does not exist")
	}
}

func TestEnsure_buildsOnce(t *testing.T) {
	store, err := artifact.Open()
	if err != nil {
		t.Fatal(err)
	}
	first, err := Ensure(t.Context(), store, Etcd)
	if err != nil {
		t.Fatal(err)
	}
	store.Progress = func(message string) { t.Errorf("a second call says %q", message) }
	second, err := Ensure(t.Context(), store, Etcd)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("directory of the second call:\n%s", diff)
	}
	for _, name := range []string{"etcd", "etcdctl"} {
		if info, err := os.Stat(filepath.Join(second, name)); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not an executable: %v", name, err)
		}
	}
}
