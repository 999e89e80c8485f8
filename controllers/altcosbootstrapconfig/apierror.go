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

// denial ends what the API server itself says when a webhook or a policy has denied a request; their words follow.
var denial = regexp.MustCompile(`denied (the )?request`)

// refused turns the API server's no to the child into an outcome. What admission says of fields is not repeated: it
// quotes values, and these may be whole files and users with their passwords.
func refused(err error) error {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return fmt.Errorf("create child KubeadmConfig: %w", err)
	}
	status := answer.Status()
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return outcome.Terminalf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, "spec.kubeadm is refused: %s", fields(&status))
	case apierrors.IsForbidden(err): // a quota, a right, a policy: it may be lifted
		return outcome.Blockedf(bootstrapv1.AltcosBootstrapConfigKubeadmRefusedReason, retryMissing, "create child KubeadmConfig: %s", ownWords(&status))
	}
	return fmt.Errorf("create child KubeadmConfig: %s", ownWords(&status))
}

// ownWords is what the API server says without what admission told it.
func ownWords(status *metav1.Status) string {
	if at := denial.FindStringIndex(status.Message); at != nil {
		return status.Message[:at[1]]
	}
	return status.Message
}

// fields tells the paths of the fields that were refused, as they are called in our spec.
func fields(status *metav1.Status) string {
	var said []string
	if denial.MatchString(status.Message) {
		said = append(said, ownWords(status))
	}
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			path := cause.Field
			if rest, ok := strings.CutPrefix(path, "spec."); ok {
				path = "spec.kubeadm." + rest
			}
			said = append(said, fmt.Sprintf("%s (%s)", path, cause.Type))
		}
	}
	if len(said) == 0 {
		return "the API server cannot take it as the spec of a KubeadmConfig"
	}
	return strings.Join(said, ", ")
}
