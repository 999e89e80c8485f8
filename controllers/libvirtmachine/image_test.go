// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
)

// serveImage serves content below /image and counts who fetches anything.
func (w *world) serveImage(content []byte) (url string, downloads *atomic.Int32) {
	w.T.Helper()
	downloads = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		downloads.Add(1)
		if request.URL.Path != "/image" {
			http.NotFound(response, request)
			return
		}
		_, _ = response.Write(content)
	}))
	w.T.Cleanup(server.Close)
	cache, err := imagecache.New(imagecache.Options{Dir: w.T.TempDir()})
	w.Expect(err).NotTo(HaveOccurred())
	w.Reconciler.Images = cache
	return server.URL, downloads
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func (w *world) condition(name, condition string) func() string {
	return func() string {
		w.answerClaims()
		return conditions.GetReason(w.Get(name), condition)
	}
}

func TestImport_thatFailsIsNotRepeatedAtOnce(t *testing.T) {
	const patience, poll = time.Minute, 50 * time.Millisecond
	image, text := virttest.QCOW2(8*gib), []byte(strings.Repeat("not an image ", 100))
	cases := map[string]struct {
		content              []byte
		path, sha256, reason string
		message              string
	}{
		"the digest is wrong":     {image, "/image", digest(text), infrav1.LibvirtMachineImageInvalidReason, digest(image)},
		"the file is no image":    {text, "/image", digest(text), infrav1.LibvirtMachineImageInvalidReason, "not a disk image"},
		"the file does not exist": {image, "/absent", digest(image), infrav1.LibvirtMachineImageUnavailableReason, "404"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			host := w.addHost("a")
			url, downloads := w.serveImage(c.content)
			w.run(t)
			for _, name := range []string{"m", "n"} {
				w.addMachine(name, builder.FromURL(url+c.path, c.sha256))
			}
			for _, name := range []string{"m", "n"} {
				w.Eventually(w.condition(name, infrav1.LibvirtMachineImageReadyCondition), patience, poll).Should(Equal(c.reason))
			}
			w.annotate("m", "somebody", "wakes it")
			w.Consistently(downloads.Load, 3*time.Second, poll).Should(Equal(int32(1)))
			for _, name := range []string{"m", "n"} {
				w.Expect(w.condition(name, infrav1.LibvirtMachineImageReadyCondition)()).To(Equal(c.reason))
				w.Expect(w.Condition(name, infrav1.LibvirtMachineImageReadyCondition).Message).To(ContainSubstring(c.message))
			}
			w.Expect(leftovers(host)).To(BeEmpty())
			told := 0
			for _, e := range w.Told() { // machines of other tests have some too
				if strings.Contains(e, c.message) {
					told++
				}
			}
			w.Expect(told).To(BeNumerically("<=", 4), "one for each machine, and one more when the cache lags behind")
		})
	}
}

func TestImport_bringsTheImageOnceForTwoMachines(t *testing.T) {
	const patience, poll = time.Minute, 50 * time.Millisecond
	w := newWorld(t)
	w.addHost("a")
	image := virttest.QCOW2(8 * gib)
	url, downloads := w.serveImage(image)
	w.run(t)
	for _, name := range []string{"m", "n"} {
		w.addMachine(name, builder.FromURL(url+"/image", digest(image)))
	}
	for _, name := range []string{"m", "n"} {
		w.Eventually(w.condition(name, infrav1.ReadyCondition), patience, poll).Should(Equal(infrav1.LibvirtMachineReadyReason))
	}
	w.Expect(downloads.Load()).To(Equal(int32(1)))
}

func TestImport_toAPoolThatIsNotThereDownloadsNothing(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	image := virttest.QCOW2(8 * gib)
	url, downloads := w.serveImage(image)
	w.addMachine("m", func(lm *infrav1.LibvirtMachine) {
		lm.Spec.StoragePool, lm.Spec.Image = "absent", infrav1.Image{URL: url + "/image", SHA256: digest(image)}
	})
	w.Converged("m")
	w.Expect(w.Reconciled("m").RequeueAfter).To(BeNumerically(">=", time.Minute))
	w.ExpectFalse("m", infrav1.ReadyCondition, infrav1.LibvirtMachineStoragePoolMissingReason, `"absent"`, host.Name())
	w.Expect(downloads.Load()).To(BeZero())
}

func TestCopy_thatFailsIsNotRepeatedAtOnce(t *testing.T) {
	const patience, poll = time.Minute, 50 * time.Millisecond
	w := newWorld(t)
	host := w.addHost("a")
	host.Inject(fakevirt.MethodCreateVolume, fakevirt.Fault{Err: errBroken})
	w.run(t)
	w.addMachine("m", func(lm *infrav1.LibvirtMachine) { lm.Spec.RootDisk.Provisioning = infrav1.DiskCopy })
	w.Eventually(w.condition("m", infrav1.LibvirtMachineVolumesReadyCondition), patience, poll).Should(Equal(infrav1.LibvirtMachineFailedReason))
	w.Expect(w.Condition("m", infrav1.LibvirtMachineVolumesReadyCondition).Message).To(ContainSubstring(errBroken.Error()))
	w.annotate("m", "somebody", "wakes it")
	w.Consistently(func() int { return host.Calls(fakevirt.MethodCreateVolume) }, 2*time.Second, poll).Should(Equal(1))
}
