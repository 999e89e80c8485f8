// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout_test

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/google/go-cmp/cmp"

	"github.com/altcos/cluster-api-provider-altcos/internal/virt"
	"github.com/altcos/cluster-api-provider-altcos/internal/virt/fakevirt"
)

// life is what the ledger contains about one machine.
type life struct {
	uuid string
	host *fakevirt.Host
	// ignition is the config that the machine reads, the last of those that were written before its definition.
	ignition []byte
	configs  [][]byte
	// spec is the definition of its one domain.
	spec                                          virt.DomainSpec
	defined, started, joined, unconfigured, ended bool
	// born is the number of the entry with the definition, rendered that of the last config.
	born, rendered int
}

func (l *life) name() string { return l.spec.Owner.Name }

// lives reads the ledger from its beginning and returns the machines in the order of their definition, those without one at
// the end, and all changes that should not have been made.
func lives(entries []entry) ([]*life, error) {
	var order, unborn []*life
	var wrong []error
	known := map[string]*life{}
	for i, e := range entries {
		if e.uuid == "" {
			continue
		}
		l, ok := known[e.uuid]
		if !ok {
			l = &life{uuid: e.uuid, host: e.host}
			known[e.uuid] = l
			unborn = append(unborn, l)
		}
		if err := l.take(i, e); err != nil {
			wrong = append(wrong, fmt.Errorf("machine %s %s: %s%s: %w", l.name(), l.uuid, e.act, e.volume, err))
		}
		if e.act == defined && !e.failed && l.born == i {
			order = append(order, l)
		}
	}
	for _, l := range unborn {
		if !l.defined {
			order = append(order, l)
		}
	}
	return order, errors.Join(wrong...)
}

// take checks one entry. Only what comes before the definition may be repeated: its config has not been read yet. The
// definition, the start and the removal of the configuration happen once.
func (l *life) take(number int, e entry) error {
	if e.host != l.host {
		return fmt.Errorf("on host %s, though the machine is on %s", e.host.Name(), l.host.Name())
	}
	if e.failed {
		if e.act == defined && !l.defined {
			return nil // the story itself breaks definitions
		}
		return errors.New("failed")
	}
	switch e.act {
	case created, wrote:
		return l.fill(number, e)
	case deleted:
		if l.defined && !l.ended && (e.volume != ignition || !l.unconfigured) {
			return errors.New("while the domain needs it")
		}
	case defined:
		return once(&l.defined, len(l.ignition) > 0, func() { l.spec, l.born = e.spec, number })
	case started:
		return once(&l.started, l.defined, nil)
	case joined:
		return once(&l.joined, l.started, nil)
	case unconfigured:
		return once(&l.unconfigured, l.joined, nil)
	case removed:
		return once(&l.ended, l.unconfigured, nil)
	}
	return nil
}

func (l *life) fill(number int, e entry) error {
	if l.defined {
		return errors.New("after the domain was defined")
	}
	if e.volume == ignition {
		l.ignition, l.rendered = e.content, number
		l.configs = append(l.configs, e.content)
	}
	return nil
}

// once records what may happen only once, and only when ready.
func once(done *bool, ready bool, then func()) error {
	switch {
	case *done:
		return errors.New("once more")
	case !ready:
		return errors.New("too early")
	}
	*done = true
	if then != nil {
		then()
	}
	return nil
}

// checkHost compares what the host has with what it should have according to the ledger.
func (l *life) checkHost() error {
	spec, there := l.host.DomainSpec(l.uuid)
	if alive := l.defined && !l.ended; there != alive {
		return fmt.Errorf("machine %s: domain there %t, want %t", l.name(), there, alive)
	}
	if !there {
		return nil
	}
	want := l.spec
	if l.unconfigured {
		want.FirmwareConfig = nil
	}
	if diff := cmp.Diff(want, spec); diff != "" {
		return fmt.Errorf("machine %s: the definition has changed (-defined +now):\n%s", l.name(), diff)
	}
	content, there := l.host.Content(virt.VolumeRef{Pool: pool, Name: l.uuid + ignition})
	if !l.unconfigured && !bytes.Equal(content, l.ignition) {
		return fmt.Errorf("machine %s: the config on the host has changed", l.name())
	}
	if l.unconfigured && there {
		return fmt.Errorf("machine %s: the config is still on the host", l.name())
	}
	return nil
}
