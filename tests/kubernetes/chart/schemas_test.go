package chart_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestConform(t *testing.T) {
	chart, schemas, kubeconform := open(t), kubernetesSchemas(t), testkit.Tool(t, "kubeconform")

	for _, deployment := range deployments() {
		t.Run(deployment.release, func(t *testing.T) {
			t.Parallel()

			manifests := chart.render(t, deployment.release, "--values", deployment.values)

			output, err := conform(t, kubeconform, schemas, manifests)
			require.NoError(t, err, output)
			assert.Contains(t, output, "Invalid: 0, Errors: 0, Skipped: 0")
		})
	}

	manifests := chart.render(t, "clockmirror")

	for title, change := range map[string][2]string{
		"an unknown field":        {"maxSurge: 100%", "maxSurges: 100%"},
		"another type":            {"containerPort: 8080", "containerPort: http"},
		"a field that is missing": {"topologyKey: kubernetes.io/hostname", "minDomains: 1"},
		"a removed API version":   {"autoscaling/v2", "autoscaling/v2beta2"},
	} {
		t.Run("refuses "+title, func(t *testing.T) {
			t.Parallel()

			require.Contains(t, manifests, change[0])
			output, err := conform(t, kubeconform, schemas, strings.ReplaceAll(manifests, change[0], change[1]))
			require.Error(t, err, output)
		})
	}
}

func conform(t *testing.T, kubeconform, schemas, manifests string) (string, error) {
	t.Helper()

	command := exec.CommandContext(t.Context(), kubeconform,
		"-strict", "-summary", "-schema-location", filepath.Join(schemas, "{{.ResourceKind}}{{.KindSuffix}}.json"))
	command.Stdin = strings.NewReader(manifests)

	output, err := command.CombinedOutput()

	return string(output), err
}

// definition is a schema of the OpenAPI document.
type definition map[string]any

// kubernetesSchemas returns a folder with a JSON schema per kind, in the form that kubeconform reads. They come from the
// OpenAPI document in the Kubernetes module, as those do that kubeconform would fetch from GitHub.
func kubernetesSchemas(t *testing.T) string {
	t.Helper()

	text, err := os.ReadFile(filepath.Join(kubernetesModule(t), "api", "openapi-spec", "swagger.json"))
	require.NoError(t, err)

	var document struct {
		Definitions map[string]definition `json:"definitions"`
	}

	require.NoError(t, json.Unmarshal(text, &document))

	for name, schema := range document.Definitions {
		delete(schema, "description")

		switch {
		case schema["format"] == "int-or-string":
			document.Definitions[name] = definition{"type": []string{"string", "integer"}}
		case strings.HasSuffix(name, ".resource.Quantity"):
			document.Definitions[name] = definition{"type": []string{"string", "number"}}
		case schema["properties"] != nil:
			schema["additionalProperties"] = false // as strict as the API server is with helm
		}
	}

	folder := t.TempDir()

	for _, kind := range []struct{ file, definition string }{
		{"configmap-v1", "core.v1.ConfigMap"},
		{"deployment-apps-v1", "apps.v1.Deployment"},
		{"horizontalpodautoscaler-autoscaling-v2", "autoscaling.v2.HorizontalPodAutoscaler"},
		{"ingress-networking-v1", "networking.v1.Ingress"},
		{"networkpolicy-networking-v1", "networking.v1.NetworkPolicy"},
		{"pod-v1", "core.v1.Pod"},
		{"poddisruptionbudget-policy-v1", "policy.v1.PodDisruptionBudget"},
		{"service-v1", "core.v1.Service"},
		{"serviceaccount-v1", "core.v1.ServiceAccount"},
	} {
		require.Contains(t, document.Definitions, "io.k8s.api."+kind.definition)

		schema, err := json.Marshal(map[string]any{
			"$schema": "http://json-schema.org/draft-07/schema#",
			"$ref":    "#/definitions/io.k8s.api." + kind.definition, "definitions": document.Definitions,
		})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, kind.file+".json"), schema, 0o600))
	}

	return folder
}

// kubernetesModule returns the folder of the module that .tools/kubernetes.mod pins.
func kubernetesModule(t *testing.T) string {
	t.Helper()

	command := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "-modfile=.tools/kubernetes.mod", "k8s.io/kubernetes")
	command.Dir = testkit.Root(t)

	output, err := command.Output()
	require.NoError(t, err, string(output))

	var module struct {
		Dir string `json:"Dir"`
	}

	require.NoError(t, json.Unmarshal(output, &module))

	return module.Dir
}
