// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// OSUpdates defines when the OS updates itself.
// +kubebuilder:validation:Enum=Disabled;Immediate;Periodic;FleetLock
type OSUpdates string

// OSUpdates values.
const (
	OSUpdatesDisabled  OSUpdates = "Disabled"
	OSUpdatesImmediate OSUpdates = "Immediate"
	// OSUpdatesPeriodic updates within osUpdateWindows.
	OSUpdatesPeriodic OSUpdates = "Periodic"
	// OSUpdatesFleetLock asks the server at osUpdateLockURL first.
	OSUpdatesFleetLock OSUpdates = "FleetLock"
)

// Weekday is a day of the week.
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Weekday string

// OSUpdateWindow is a time of the week.
type OSUpdateWindow struct {
	// days on which the window begins.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`

	// start of the window, as HH:MM.
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start,omitempty"`

	// minutes that the window lasts.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	Minutes int32 `json:"minutes,omitempty"`
}
