package chart_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// schemaPaths returns the paths of all properties in the chart's schema.
func schemaPaths(t *testing.T, file string) []string {
	t.Helper()

	text, err := os.ReadFile(file)
	require.NoError(t, err)

	var schema property
	require.NoError(t, json.Unmarshal(text, &schema))
	delete(schema.Properties, "global")         // helm's own
	schema.Properties["resources"] = property{} // Kubernetes decides what is in there

	return schema.paths("")
}

type property struct {
	Properties map[string]property `json:"properties"`
}

func (p property) paths(prefix string) []string {
	var paths []string

	for name, inner := range p.Properties {
		paths = append(append(paths, prefix+name), inner.paths(prefix+name+".")...)
	}

	return paths
}

// valuePaths returns the paths of all values that have a default.
func valuePaths(t *testing.T, file string) []string {
	t.Helper()

	text, err := os.ReadFile(file)
	require.NoError(t, err)

	var values map[string]any
	require.NoError(t, yaml.Unmarshal(text, &values))

	return mapPaths("", values)
}

func mapPaths(prefix string, values map[string]any) []string {
	var paths []string

	for name, value := range values {
		paths = append(paths, prefix+name)

		if inner, is := value.(map[string]any); is && name != "resources" {
			paths = append(paths, mapPaths(prefix+name+".", inner)...)
		}
	}

	return paths
}
