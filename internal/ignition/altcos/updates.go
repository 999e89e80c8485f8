// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcos

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/altcos/cluster-api-provider-altcos/internal/ignition"
	"github.com/altcos/cluster-api-provider-altcos/internal/problem"
)

// UpdateStrategy is when zincati reboots a machine into a new OS version.
type UpdateStrategy string

// Update strategies. The empty value means UpdatesDisabled: machines are replaced, not changed.
const (
	UpdatesDisabled  UpdateStrategy = "Disabled"
	UpdatesImmediate UpdateStrategy = "Immediate"
	UpdatesPeriodic  UpdateStrategy = "Periodic"
	UpdatesFleetLock UpdateStrategy = "FleetLock"
)

// OSUpdates configures zincati.
type OSUpdates struct {
	Strategy UpdateStrategy
	// Windows are for Periodic, in TimeZone (UTC when empty).
	Windows  []UpdateWindow
	TimeZone string
	// FleetLockURL is the lock server for FleetLock.
	FleetLockURL string
}

// UpdateWindow is a span of time in which reboots are allowed.
type UpdateWindow struct {
	// Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun.
	Days []string
	// Start is HH:MM.
	Start string
	// Minutes is the length.
	Minutes int
}

var (
	clockTime = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)
	zoneName  = regexp.MustCompile(`^[A-Za-z0-9_+/-]+$`)
	weekday   = regexp.MustCompile(`^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)$`)
)

func (p *Profile) updates(b *ignition.Builder, problems *problem.List) {
	u := p.OSUpdates
	var t toml
	t.table("updates")
	t.flag("enabled", u.Strategy != "" && u.Strategy != UpdatesDisabled)
	switch u.Strategy {
	case "", UpdatesDisabled:
	case UpdatesImmediate:
		t.set("strategy", "immediate")
	case UpdatesPeriodic:
		t.set("strategy", "periodic")
		u.windows(&t, problems)
	case UpdatesFleetLock:
		t.set("strategy", "fleet_lock")
		if at, err := url.Parse(u.FleetLockURL); err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Host == "" {
			problems.Addf("osUpdateLockURL", "must be an http or https URL")
		}
		t.table("updates.fleet_lock")
		t.set("base_url", u.FleetLockURL)
	default:
		problems.Addf("osUpdates", "must be Disabled, Immediate, Periodic or FleetLock")
	}
	if u.Strategy != UpdatesPeriodic && (len(u.Windows) > 0 || u.TimeZone != "") {
		problems.Addf("osUpdateWindows", "windows and a time zone need osUpdates Periodic")
	}
	if u.Strategy != UpdatesFleetLock && u.FleetLockURL != "" {
		problems.Addf("osUpdateLockURL", "needs osUpdates FleetLock")
	}
	b.File("/etc/zincati/config.d/90-altcos.toml", 0o644, t.bytes())
}

func (u OSUpdates) windows(t *toml, problems *problem.List) {
	if len(u.Windows) == 0 {
		problems.Addf("osUpdateWindows", "must not be empty with osUpdates Periodic")
	}
	if u.TimeZone != "" {
		if !zoneName.MatchString(u.TimeZone) {
			problems.Addf("osUpdateTimeZone", "is not a time zone name")
		}
		t.table("updates.periodic")
		t.set("time_zone", u.TimeZone)
	}
	for i, w := range u.Windows {
		path := fmt.Sprintf("osUpdateWindows[%d]", i)
		if len(w.Days) == 0 || slices.ContainsFunc(w.Days, func(d string) bool { return !weekday.MatchString(d) }) {
			problems.Addf(path+".days", "must list some of Mon, Tue, Wed, Thu, Fri, Sat, Sun")
		}
		if !clockTime.MatchString(w.Start) {
			problems.Addf(path+".start", "must be HH:MM")
		}
		if w.Minutes < 1 || w.Minutes > 7*24*60 {
			problems.Addf(path+".minutes", "must be between 1 and 10080")
		}
		t.table("[updates.periodic.window]")
		t.list("days", w.Days)
		t.set("start_time", w.Start)
		t.number("length_minutes", w.Minutes)
	}
}
