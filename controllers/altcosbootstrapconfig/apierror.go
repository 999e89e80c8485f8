// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package altcosbootstrapconfig

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	"github.com/altcos/cluster-api-provider-altcos/internal/outcome"
)

// denial is where the API server's own words end when a webhook or a policy denied a request; theirs follow.
var denial = regexp.MustCompile(`denied (the )?request`)

// refused turns an error of creating the child into an outcome. Messages of admission are left out: they quote values,
// which may be whole files, or users with their passwords.
func refused(err error) error {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return fmt.Errorf("create child KubeadmConfig: %w", err)
	}
	status := answer.Status()
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm is refused: %s", fields(&status))
	case apierrors.IsForbidden(err): // a quota, RBAC or a policy, which may be changed
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, retryMissing, "create child KubeadmConfig: %s", ownWords(&status))
	}
	return fmt.Errorf("create child KubeadmConfig: %s", ownWords(&status))
}

// ownWords is the API server's message without that of admission.
func ownWords(status *metav1.Status) string {
	if at := denial.FindStringIndex(status.Message); at != nil {
		return status.Message[:at[1]]
	}
	return status.Message
}

// fields returns the paths of the fields that were refused, as they are in our spec.
func fields(status *metav1.Status) string {
	var parts []string
	if denial.MatchString(status.Message) {
		parts = append(parts, ownWords(status))
	}
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			path := cause.Field
			if rest, ok := strings.CutPrefix(path, "spec."); ok {
				path = "spec.kubeadm." + rest
			}
			parts = append(parts, fmt.Sprintf("%s (%s)", path, cause.Type))
		}
	}
	if len(parts) == 0 {
		return "the API server rejects it as the spec of a KubeadmConfig"
	}
	return strings.Join(parts, ", ")
}
