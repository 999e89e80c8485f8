// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package async

// Len counts the tasks that are known. That nothing is kept for longer than needed cannot be seen from outside.
func (t *Tasks) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.tasks)
}
