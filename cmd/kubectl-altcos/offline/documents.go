// Copyright The cluster-api-provider-altcos Authors.
// SPDX-License-Identifier: Apache-2.0

package offline

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	bootstrapv1 "github.com/altcos/cluster-api-provider-altcos/api/bootstrap/v1alpha1"
	infrav1 "github.com/altcos/cluster-api-provider-altcos/api/infrastructure/v1alpha1"
)

// Manifest is a file of YAML or JSON documents.
type Manifest struct {
	// Name stands in error messages.
	Name string
	Data []byte
}

// decoder reads documents as strictly as an API server does.
type decoder struct {
	scheme  *runtime.Scheme
	strict  runtime.Decoder
	schemas schemas
}

func newDecoder(scheme *runtime.Scheme) (*decoder, error) {
	loaded, err := loadSchemas()
	if err != nil {
		return nil, err
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	return &decoder{scheme: scheme, strict: codecs.UniversalDeserializer(), schemas: loaded}, nil
}

// all returns the objects of all manifests, or all errors.
func (d *decoder) all(manifests []Manifest) ([]client.Object, error) {
	var objects []client.Object
	var problems []error
	first := map[identity]string{}
	for _, m := range manifests {
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(m.Data)))
		for i := 1; ; i++ {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: document %d: %w", m.Name, i, err))
				break
			}
			where := fmt.Sprintf("%s: document %d", m.Name, i)
			found, err := d.document(document)
			if err == nil {
				err = onlyOnce(found, where, first)
			}
			if err != nil {
				problems = append(problems, prefixed(where+": ", err))
			}
			objects = append(objects, found...)
		}
	}
	return objects, errors.Join(problems...)
}

// identity is what no two objects of an API server have in common.
type identity struct{ group, kind, namespace, name string }

func identityOf(o client.Object) identity {
	kind := o.GetObjectKind().GroupVersionKind()
	id := identity{kind.Group, kind.Kind, o.GetNamespace(), o.GetName()}
	if id.namespace == "" && isNamespaced(o) {
		id.namespace = metav1.NamespaceDefault
	}
	return id
}

// onlyOnce refuses objects that are there already, and notes where the others are.
func onlyOnce(found []client.Object, where string, first map[identity]string) error {
	var problems []error
	for _, o := range found {
		id := identityOf(o)
		if before, there := first[id]; there {
			problems = append(problems, fmt.Errorf("%s %q: is there twice, in %s too", id.kind, id.name, before))
			continue
		}
		first[id] = where
	}
	return errors.Join(problems...)
}

// document reads one document: none, one object, or a list of them.
func (d *decoder) document(document []byte) ([]client.Object, error) {
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); string(raw) == "null" {
		return nil, nil
	}
	tree := &unstructured.Unstructured{}
	if err := tree.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	if !tree.IsList() {
		object, err := d.object(tree, raw)
		if err != nil {
			return nil, err
		}
		return []client.Object{object}, nil
	}
	var objects []client.Object
	var problems []error
	err = tree.EachListItem(func(item runtime.Object) error {
		one, _ := item.(*unstructured.Unstructured)
		text, err := one.MarshalJSON()
		if err != nil {
			return err
		}
		object, err := d.object(one, text)
		problems = append(problems, err)
		objects = append(objects, object)
		return nil
	})
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	return objects, nil
}

func (d *decoder) object(tree *unstructured.Unstructured, raw []byte) (client.Object, error) {
	kind := tree.GroupVersionKind()
	who := fmt.Sprintf("%s %q: ", kind.Kind, tree.GetName())
	ours := kind.Group == infrav1.GroupVersion.Group && strings.HasPrefix(kind.Kind, "Libvirt") ||
		kind.Group == bootstrapv1.GroupVersion.Group && strings.HasPrefix(kind.Kind, "Altcos")
	if err := checkNames(tree, ours || kind.Group == clusterv1.GroupVersion.Group); err != nil {
		return nil, prefixed(who, err)
	}
	if !d.scheme.Recognizes(kind) {
		if ours {
			return nil, prefixed(who, field.NotSupported(field.NewPath("apiVersion"), tree.GetAPIVersion(), []string{infrav1.GroupVersion.String(), bootstrapv1.GroupVersion.String()}))
		}
		return tree, nil
	}
	decoded, _, err := d.strict.Decode(raw, nil, nil)
	if err != nil {
		return nil, prefixed(who, err)
	}
	if ours {
		if err := d.schemas.validate(kind, tree.Object); err != nil {
			return nil, prefixed(who, err)
		}
	}
	object, ok := decoded.(client.Object)
	if !ok {
		return nil, prefixed(who, errors.New("is no object"))
	}
	object.GetObjectKind().SetGroupVersionKind(kind)
	return object, prefixed(who, admitted(object))
}

// checkNames refuses what no API server lets in. Names become names of files.
func checkNames(o *unstructured.Unstructured, subdomain bool) error {
	path := field.NewPath("metadata", "name")
	if o.GetName() == "" {
		return field.Required(path, "")
	}
	wrong := content.IsPathSegmentName(o.GetName())
	if subdomain {
		wrong = validation.IsDNS1123Subdomain(o.GetName())
	}
	if o.GetNamespace() != "" && len(wrong) == 0 {
		path, wrong = field.NewPath("metadata", "namespace"), validation.IsDNS1123Label(o.GetNamespace())
	}
	if len(wrong) > 0 {
		return field.Invalid(path, field.OmitValueType{}, strings.Join(wrong, "; "))
	}
	return nil
}

// prefixed puts text before each of the errors that err joins.
func prefixed(text string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s%w", text, err)
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, prefixed(text, e))
	}
	return errors.Join(out...)
}
