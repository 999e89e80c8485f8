// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Webhooks returns the webhook configurations of a file, renamed to begin with name (providers all use the same names) and
// directed at a server at address (host:port) that proves itself to the authority caPEM. A file that is not there has none.
func Webhooks(path, name, address string, caPEM []byte) ([]*unstructured.Unstructured, error) {
	objects, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if err := direct(object, address, caPEM); err != nil {
			return nil, fmt.Errorf("direct %s of %s: %w", object.GetKind(), name, err)
		}
		object.SetName(name + "-" + strings.TrimSuffix(object.GetName(), "-configuration"))
	}
	return objects, nil
}

// direct replaces every service reference, which needs a cluster network, by the URL of the same path.
func direct(object *unstructured.Unstructured, address string, caPEM []byte) error {
	webhooks, _, err := unstructured.NestedSlice(object.Object, "webhooks")
	if err != nil {
		return err
	}
	for index, entry := range webhooks {
		webhook, isMap := entry.(map[string]any)
		if !isMap {
			return fmt.Errorf("webhook %d is a %T", index, entry)
		}
		path, _, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil {
			return fmt.Errorf("find service path of webhook %d: %w", index, err)
		}
		webhook["clientConfig"] = map[string]any{
			"url":      "https://" + address + path,
			"caBundle": base64.StdEncoding.EncodeToString(caPEM),
		}
	}
	return unstructured.SetNestedSlice(object.Object, webhooks, "webhooks")
}
