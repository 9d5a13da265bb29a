// Package chart_test checks the Helm chart without a cluster: with helm's own lint, against golden manifests and against the
// schemas of Kubernetes.
package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// updateVariable writes the golden manifests instead of comparing the chart with them.
const updateVariable = "UPDATE_GOLDEN"

// deployment is a release of the chart, with the values that it is installed with.
type deployment struct{ release, values string }

// deployments are those with golden manifests, testdata/RELEASE.golden.yaml.
func deployments() []deployment {
	return []deployment{
		{"clockmirror", "values.yaml"},
		{"customer-a", "customers/a.yaml"},
		{"customer-b", "customers/b.yaml"},
		{"customer-c", "customers/c.yaml"},
		{"customer-d", "../../../tests/kubernetes/chart/testdata/customer-d.yaml"},
		{"full", "../../../tests/kubernetes/chart/testdata/full.yaml"},
		{"least", "../../../tests/kubernetes/chart/testdata/least.yaml"},
	}
}

// chart is the chart, and the helm that reads it.
type chart struct{ helm, folder string }

func open(t *testing.T) chart {
	t.Helper()

	return chart{helm: testkit.Tool(t, "helm"), folder: filepath.Join(testkit.Root(t), ".infra", "helm", "clockmirror")}
}

// run runs helm in the chart's folder, isolated from the user's settings.
func (c chart) run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()

	home := t.TempDir()
	command := exec.CommandContext(t.Context(), c.helm, arguments...)
	command.Dir = c.folder

	command.Env = append(os.Environ(), "HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home, "KUBECONFIG="+os.DevNull)

	output, err := command.CombinedOutput()

	return string(output), err
}

// render returns the manifests of a release.
func (c chart) render(t *testing.T, release string, arguments ...string) string {
	t.Helper()

	output, err := c.run(t, append([]string{"template", release, ".", "--namespace", "front"}, arguments...)...)
	require.NoError(t, err, output)

	// Templates leave different numbers of empty lines at the end of a document.
	return strings.ReplaceAll(strings.TrimRight(output, "\n")+"\n", "\n\n---", "\n---")
}

func TestLint(t *testing.T) {
	chart := open(t)

	for _, deployment := range deployments() {
		t.Run(deployment.release, func(t *testing.T) {
			t.Parallel()

			output, err := chart.run(t, "lint", "--strict", "--values", deployment.values, ".")
			require.NoError(t, err, output)
		})
	}
}

func TestGolden(t *testing.T) {
	chart := open(t)

	for _, deployment := range deployments() {
		t.Run(deployment.release, func(t *testing.T) {
			t.Parallel()

			file := filepath.Join("testdata", deployment.release+".golden.yaml")
			rendered := chart.render(t, deployment.release, "--values", deployment.values)

			if os.Getenv(updateVariable) != "" {
				require.NoError(t, os.WriteFile(file, []byte(rendered), 0o600))
			}

			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(golden), rendered, "if the new manifests are right: make golden")
		})
	}
}

// TestChecksum: other settings mean other pods, and the same settings the same pods.
func TestChecksum(t *testing.T) {
	chart := open(t)

	first := chart.checksum(t)
	assert.Equal(t, first, chart.checksum(t, "--set", "replicaCount=5"))

	for _, setting := range []string{"config.LOG_LEVEL=debug", "shutdown.drainSeconds=6"} {
		assert.NotEqual(t, first, chart.checksum(t, "--set", setting), setting)
	}
}

// checksum is that of the settings, in the manifests of a release.
func (c chart) checksum(t *testing.T, arguments ...string) string {
	t.Helper()

	_, after, found := strings.Cut(c.render(t, "clockmirror", arguments...), "checksum/config: ")
	require.True(t, found)

	return after[:64]
}

// TestNames: names are short enough for any release name, and don't have the chart's name twice.
func TestNames(t *testing.T) {
	chart := open(t)

	long := strings.Repeat("n", 53)
	cut := long + "-clockmirror"
	cut = cut[:min(len(cut), 63)]

	for release, want := range map[string]string{
		"clockmirror": "clockmirror", "my-clockmirror": "my-clockmirror", "a": "a-clockmirror", long: cut,
	} {
		manifests := chart.render(t, release)
		for line := range strings.Lines(manifests) {
			if name, found := strings.CutPrefix(line, "  name: "); found {
				name = strings.TrimSpace(name)
				assert.LessOrEqual(t, len(name), 63)
				assert.Regexp(t, `^`+want[:min(len(want), 58)], name)
			}
		}

		assert.Contains(t, manifests, "\n  name: "+want+"\n")
	}
}

// TestRefused: wrong values are refused before anything reaches a cluster, with an error that names them.
func TestRefused(t *testing.T) {
	areRefused(t, map[string]string{
		"image.tga=1":                               "additional properties 'tga' not allowed",
		"image.repository=":                         "at '/image/repository': minLength: got 0, want 1",
		"image.repository=front@sha256:1":           "at '/image/repository'",
		"image.tag=a/b":                             "at '/image/tag'",
		"image.digest=sha256:12":                    "at '/image/digest'",
		"image.pullPolicy=Sometimes":                "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
		"replicaCount=two":                          "at '/replicaCount': got string, want integer",
		"service.type=ExternalName":                 "at '/service/type'",
		"service.nodePort=70000":                    "at '/service/nodePort': maximum",
		"autoscaling.maxReplicas=1":                 "autoscaling.minReplicas is 2 and autoscaling.maxReplicas is 1: the floor must not be above the ceiling",
		"ingress.enabled=true":                      "ingress.enabled is true and there is no host: give customer.host or ingress.hosts",
		"config.log_level=debug":                    "at '/config': additional properties 'log_level' not allowed",
		"config.PORT=eighty":                        "config.PORT: the ports are 8080 and 9090, which probes and policies rely on: set service.port",
		"config.REDIS_URL=redis://r":                "config.REDIS_URL: this is a secret: put it into a Secret and name that in existingSecret",
		"config.DRAIN_DELAY=1s":                     "config.DRAIN_DELAY: set shutdown.drainSeconds",
		"config.MAX_IN_FLIGHT=10":                   "at '/config/MAX_IN_FLIGHT': got number, want string",
		"shutdown.timeoutSeconds=0":                 "at '/shutdown/timeoutSeconds': minimum: got 0, want 1",
		"podDisruptionBudget.maxUnavailable=0":      "at '/podDisruptionBudget/maxUnavailable'",
		"topologySpread.whenUnsatisfiable=Whatever": "at '/topologySpread/whenUnsatisfiable'",
	})
}

// areRefused checks that each setting is refused with its error.
func areRefused(t *testing.T, settings map[string]string) {
	t.Helper()

	chart := open(t)

	for setting, want := range settings {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()

			output, err := chart.run(t, "template", "clockmirror", ".", "--set", setting)
			require.Error(t, err, output)
			assert.Contains(t, output, want)
		})
	}
}

// TestEveryValueIsKnown: values.yaml and its schema have the same values.
func TestEveryValueIsKnown(t *testing.T) {
	folder := filepath.Join(testkit.Root(t), ".infra", "helm", "clockmirror")

	known, documented := schemaPaths(t, filepath.Join(folder, "values.schema.json")), valuePaths(t, filepath.Join(folder, "values.yaml"))
	assert.ElementsMatch(t, known, documented)
}
