// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/async"
	"github.com/altcos/cluster-api-provider-altcos/internal/imagecache"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/virttest"
	"github.com/altcos/cluster-api-provider-altcos/test/builder"
)

// death is the end of the manager at one call to the host or one write to the API server, before the call takes effect or
// before its answer comes. From then on the process changes nothing any more: all its calls fail.
type death struct {
	host        *fakevirt.Host
	after, dead bool
	// hostCall is the number of the call at which it comes, write that of the write; 0 for none.
	hostCall, write int
	writes          int
}

// arm lets the process die at one of the calls that follow.
func (d *death) arm() {
	if d.hostCall == 0 {
		return
	}
	if d.hostCall > 1 {
		d.host.Inject(fakevirt.MethodAny, fakevirt.Fault{Times: d.hostCall - 1})
	}
	d.host.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errBroken, Times: 1, AfterEffect: d.after})
	d.host.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errBroken})
	d.hostCall += d.host.Calls(fakevirt.MethodAny)
}

// came reports whether the process is dead.
func (d *death) came() bool {
	return d.dead || d.hostCall > 0 && d.host.Calls(fakevirt.MethodAny) >= d.hostCall
}

// change makes a write, if the process lives long enough.
func (d *death) change(write func() error) error {
	if d.came() {
		return errBroken
	}
	if d.writes++; d.writes != d.write {
		return write()
	}
	if d.after {
		_ = write()
	}
	d.dead = true
	d.host.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errBroken})
	return errBroken
}

// client is the API client of a process that dies.
func (d *death) client() client.Client {
	return interceptor.NewClient(environment.Client, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return d.change(func() error { return c.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return d.change(func() error { return c.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return d.change(func() error { return c.Patch(ctx, o, patch, opts...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return d.change(func() error { return c.Delete(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return d.change(func() error { return c.SubResource(name).Patch(ctx, o, patch, opts...) })
		},
	})
}

// atOnce runs background work in the foreground, so that it dies with the process at a known call.
type atOnce struct{}

func (atOnce) Do(task async.Task) async.State {
	if err := task.Run(context.Background(), func(async.Progress) {}); err != nil {
		return async.State{Phase: async.Failed, Err: err}
	}
	return async.State{Phase: async.Succeeded}
}
func (atOnce) Leave(types.NamespacedName) bool   { return false }
func (atOnce) Events() <-chan event.GenericEvent { return nil }
func isImage(leftover string) bool               { return strings.HasPrefix(leftover, "volume img-") }
func copyOf(url, sha string) func(*infrav1.LibvirtMachine) {
	return func(lm *infrav1.LibvirtMachine) {
		builder.FromURL(url, sha)(lm)
		lm.Spec.RootDisk.Provisioning = infrav1.DiskCopy
	}
}

// begin starts a process that remembers nothing.
func (w *world) begin(d *death, spool string) {
	w.T.Helper()
	cache, err := imagecache.New(imagecache.Options{Dir: spool, Clock: w.Clock})
	w.Expect(err).NotTo(HaveOccurred())
	w.Reconciler = w.newReconciler(d.client(), cache, atOnce{})
}

// until reconciles until done, in a new process after each death.
func (w *world) until(name string, d *death, spool string, done func() bool) {
	w.T.Helper()
	const enough = 60
	var last error
	for range enough {
		w.answerClaims()
		_, last = w.Reconcile(name)
		w.Clock.SetTime(w.Clock.Now().Add(20 * time.Second))
		w.Told()
		if d.came() {
			d.host.ClearFaults()
			d.dead, d.hostCall, d.write = false, 0, 0
			w.begin(d, spool)
		}
		if done() {
			return
		}
	}
	w.T.Fatalf("machine %q does not get on: %v", name, last)
}

// liveOnce brings one machine through its life and reports whether the process died in it.
func (w *world) liveOnce(name string, d *death, spool string, spec func(*infrav1.LibvirtMachine)) (died bool) {
	w.T.Helper()
	w.addMachine(name, spec)
	w.begin(d, spool)
	d.arm()
	w.until(name, d, spool, func() bool { return w.isReady(name) })
	w.Expect(d.host.Domains()).To(HaveLen(1))
	w.Expect(d.host.Domains()[0].State).To(Equal(virt.DomainRunning))
	w.Expect(d.host.Domains()[0].UUID).To(Equal(string(w.Get(name).UID)))
	ignition := w.ignition(name)
	w.join(name)
	w.until(name, d, spool, func() bool { return w.isScrubbed(name) })
	_, there := d.host.Content(ignition)
	w.Expect(there).To(BeFalse(), "the secrets are still there")
	w.Delete(name)
	w.until(name, d, spool, func() bool { return !w.Exists(name) })
	w.Expect(slices.DeleteFunc(leftovers(d.host), isImage)).To(BeEmpty())
	w.Expect(w.claims()).To(BeEmpty())
	died = d.hostCall == 0 && d.write == 0
	d.host.ClearFaults()
	return died
}

// TestRestart_atEveryCall ends the process at each call of a machine's life in turn and starts another one.
func TestRestart_atEveryCall(t *testing.T) {
	for _, kind := range []string{"call to the host", "write to the API server"} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after its effect %v", kind, after), func(t *testing.T) {
				w := newWorld(t)
				host, spool := w.addHost("a"), t.TempDir()
				image := virttest.QCOW2(8 * gib)
				url, downloads := w.serveImage(image)
				sha := digest(image)
				n := 1
				for died := true; died; n++ {
					d := &death{host: host, after: after, hostCall: n}
					if kind != "call to the host" {
						d.hostCall, d.write = 0, n
					}
					died = w.liveOnce(fmt.Sprintf("m%d", n), d, spool, copyOf(url+"/image", sha))
					for _, volume := range host.Volumes(pool) { // the next one shall bring it again
						if strings.HasPrefix(volume.Name, "img-") {
							host.DropVolume(volume.VolumeRef)
						}
					}
				}
				t.Logf("%d deaths", n-2)
				w.Expect(n).To(BeNumerically(">", 10), "a life has that many calls")
				w.Expect(downloads.Load()).To(BeNumerically("<=", 2))
			})
		}
	}
}
