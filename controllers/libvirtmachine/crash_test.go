// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package libvirtmachine_test

import (
	"errors"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

var errBroken = errors.New("connection broke")

// methods are all calls that a machine's life makes.
func methods() []fakevirt.Method {
	return []fakevirt.Method{
		fakevirt.MethodConnect, fakevirt.MethodDomain, fakevirt.MethodDefineDomain, fakevirt.MethodStartDomain,
		fakevirt.MethodRemoveFirmwareConfig, fakevirt.MethodRemoveDomain, fakevirt.MethodVolume, fakevirt.MethodListVolumes,
		fakevirt.MethodCreateVolume, fakevirt.MethodWriteVolume, fakevirt.MethodDeleteVolume,
	}
}

func TestReconcile_survivesOneBrokenCallOfEachKind(t *testing.T) {
	for _, method := range methods() {
		for _, after := range []bool{false, true} {
			for _, cause := range []error{errBroken, virt.ErrUnreachable} {
				t.Run(fmt.Sprintf("%s, after its effect %v, %v", method, after, cause), func(t *testing.T) {
					w := newWorld(t)
					host := w.addHost("a")
					w.addMachine("m")
					fault := fakevirt.Fault{Err: cause, Times: 1, AfterEffect: after}
					host.Inject(method, fault)
					liveAndDie(w, host)
				})
			}
		}
	}
}

func TestReconcile_survivesBreaksAtEveryCall(t *testing.T) {
	w := newWorld(t)
	host := w.addHost("a")
	w.addMachine("m")
	for i := range 40 { // every other call breaks
		host.Inject(fakevirt.MethodAny, fakevirt.Fault{Times: i % 2})
		host.Inject(fakevirt.MethodAny, fakevirt.Fault{Err: errBroken, Times: 1, AfterEffect: i%4 < 2})
	}
	liveAndDie(w, host)
}

// liveAndDie brings the machine through its whole life, and finds one domain in it and nothing after it.
func liveAndDie(w *world, host *fakevirt.Host) {
	w.T.Helper()
	w.Expect(w.Converge("m")).To(Succeed())
	lm := w.Get("m")
	w.expectReady("m")
	w.Expect(host.Domains()).To(HaveLen(1))
	w.Expect(host.Domains()[0].UUID).To(Equal(string(lm.UID)))
	w.Expect(host.Domains()[0].State).To(Equal(virt.DomainRunning))

	w.join("m")
	w.Expect(w.Converge("m")).To(Succeed())
	w.Expect(w.isScrubbed("m")).To(BeTrue())
	_, ok := host.Content(w.ignition("m"))
	w.Expect(ok).To(BeFalse())

	w.remove("m")
	w.Expect(leftovers(host)).To(BeEmpty())
}
