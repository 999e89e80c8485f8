// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/pkg/cloudinit"

	"github.com/altcos/cluster-api-provider-altcos/internal/bootstrapdata"
	"github.com/altcos/cluster-api-provider-altcos/internal/ignition/render"
	"github.com/altcos/cluster-api-provider-altcos/test/assert"
	"github.com/altcos/cluster-api-provider-altcos/test/cabpk"
)

// What a control plane machine may cost.
const (
	maxOutput = 64 << 10
	maxMemory = 10 << 20
)

// heavy is a control plane machine with everything of the manual, keys and certificates of real size, and a layer of
// the user.
func heavy(tb testing.TB) render.Input {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var files []bootstrapv1.File
	for i := range 8 {
		noise := make([]byte, 1250)
		for j := range noise {
			noise[j] = byte(random.Uint32())
		}
		files = append(files, bootstrapv1.File{Path: fmt.Sprintf("/etc/kubernetes/pki/%d.key", i), Owner: "root:root", Permissions: "0600",
			Content: "-----BEGIN RSA PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString(noise) + "\n-----END RSA PRIVATE KEY-----\n"})
	}
	data := cabpk.Render(tb, cabpk.Init, cloudinit.BaseUserData{AdditionalFiles: files, PreKubeadmCommands: []string{"echo pre"}},
		bootstrapv1.NodeRegistrationOptions{Name: "{{ ds.meta_data.local_hostname }}"})
	return render.Input{
		Profile:   manualProfile(cabpk.Init),
		Bootstrap: bootstrapdata.Data{Format: bootstrapdata.FormatCloudConfig, Value: data},
		Node:      manualNode("master01", "10.150.0.161"), UserLayers: []render.UserLayer{mine},
	}
}

// BenchmarkRender_controlPlane also measures the processor time of a rendering: time means little on a machine that does
// other things.
func BenchmarkRender_controlPlane(b *testing.B) {
	in := heavy(b)
	size := 0
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		size = len(mustRender(b, in))
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(size), "bytes-output")
}

// processorTime is what this process has taken of all processors, with the garbage collector's part.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var used syscall.Rusage
	assert.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// TestRender_staysWithinItsBudget leaves time to the benchmark: it proves nothing on a busy machine.
func TestRender_staysWithinItsBudget(t *testing.T) {
	in := heavy(t)
	if size := len(mustRender(t, in)); size > maxOutput {
		t.Errorf("output is %d bytes, more than %d", size, maxOutput)
	}
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mustRender(b, in)
		}
	})
	if used := got.AllocedBytesPerOp(); used > maxMemory {
		t.Errorf("rendering allocates %d bytes, more than %d", used, maxMemory)
	}
}
