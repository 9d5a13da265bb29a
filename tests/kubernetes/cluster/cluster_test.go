package k8s_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// loadVariable is a command that takes the name of an image and gives the cluster this Docker engine's image of that name,
// such as "kind load docker-image". Without it the cluster has to see the engine's images by itself, as Docker Desktop's does.
const loadVariable = "K8S_LOAD_IMAGE"

// removal limits the clean-up after a test.
const removal = 2 * time.Minute

// Requests that come before the cluster's proxy knows a ready pod are rejected. Linux remembers such a connection for two
// minutes as one whose address is not translated, and a later one from the same port is refused, whatever is ready by then.
// So these checks use source ports outside the ephemeral range.
const (
	firstAskingPort = 20000
	askingPorts     = 10000
)

// patience is how long helm and kubectl wait.
const patience = "120s"

// cluster is a namespace of the cluster that KUBECONFIG names, and what talks to it.
type cluster struct {
	kubectlProgram, helmProgram string
	chart, home, namespace      string
}

// connect creates a namespace that accepts restricted pods only, and removes it when the test ends.
func connect(t *testing.T) *cluster {
	t.Helper()

	if os.Getenv("KUBECONFIG") == "" {
		testkit.Missing(t, "a Kubernetes cluster", "set KUBECONFIG to one in which you may make namespaces, such as kind's")
	}

	c := &cluster{
		kubectlProgram: testkit.Program(t, "install kubectl, see https://kubernetes.io/docs/tasks/tools", "kubectl"),
		helmProgram:    testkit.Tool(t, "helm"),
		chart:          filepath.Join(testkit.Root(t), ".infra", "helm", "clockmirror"),
		home:           t.TempDir(),
		namespace:      testkit.Unique(),
	}

	if output, err := c.try(t.Context(), c.kubectlProgram, "get", "--raw", "/readyz"); err != nil {
		testkit.Missing(t, "a running Kubernetes cluster", "the one that KUBECONFIG names does not answer: "+output)
	}

	c.kubectl(t, "create", "namespace", c.namespace)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), removal)
		defer cancel()

		if output, err := c.try(ctx, c.kubectlProgram, "delete", "namespace", c.namespace); err != nil {
			t.Errorf("remove the namespace: %v: %s", err, output)
		}
	})
	c.kubectl(t, "label", "namespace", c.namespace, "pod-security.kubernetes.io/enforce=restricted")

	return c
}

// try runs a program and returns all that it prints.
func (c *cluster) try(ctx context.Context, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)

	command.Env = append(os.Environ(), "HELM_CONFIG_HOME="+c.home, "HELM_CACHE_HOME="+c.home, "HELM_DATA_HOME="+c.home)

	output, err := command.CombinedOutput()

	return strings.TrimSpace(string(output)), err
}

// kubectl runs kubectl in the namespace and returns what it prints.
func (c *cluster) kubectl(t *testing.T, arguments ...string) string {
	t.Helper()

	var stderr strings.Builder // separate, because kubectl prints warnings there

	command := exec.CommandContext(t.Context(), c.kubectlProgram, append([]string{"--namespace", c.namespace}, arguments...)...)
	command.Stderr = &stderr

	output, err := command.Output()
	require.NoError(t, err, "kubectl %s: %s", strings.Join(arguments, " "), stderr.String())

	return strings.TrimSpace(string(output))
}

// tryHelm runs helm in the namespace and returns what it prints.
func (c *cluster) tryHelm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()

	return c.try(t.Context(), c.helmProgram, append([]string{"--namespace", c.namespace}, arguments...)...)
}

func (c *cluster) helm(t *testing.T, arguments ...string) string {
	t.Helper()

	output, err := c.tryHelm(t, arguments...)
	if err != nil {
		c.explain(t)
	}

	require.NoError(t, err, "helm %s: %s", strings.Join(arguments, " "), output)

	return output
}

// explain logs the resources, events and logs of the namespace.
func (c *cluster) explain(t *testing.T) {
	t.Helper()

	for _, arguments := range [][]string{{"get", "all,endpointslices,events", "--output", "wide"}, {"logs", "--selector", "app.kubernetes.io/name", "--tail", "20"}} {
		output, err := c.try(t.Context(), c.kubectlProgram, append([]string{"--namespace", c.namespace}, arguments...)...)
		t.Log(output, err)
	}
}

// mustLoseNothing fails the test if requests failed, and then logs the state of the namespace.
func (c *cluster) mustLoseNothing(t *testing.T, row testkit.Row) {
	t.Helper()

	row.MustLoseNothing(t, minRate)

	if row.Failures() != 0 {
		c.explain(t)
	}
}

// install installs a release that answers at a NodePort, waits until it is ready, and returns its address.
func (c *cluster) install(t *testing.T, release, image string, arguments ...string) string {
	t.Helper()

	c.helm(t, slices.Concat(
		[]string{"install", release, c.chart, "--wait", "--timeout", patience, "--set", "service.type=NodePort"}, imageValues(image), arguments,
	)...)

	return c.address(t, release)
}

// imageValues are the chart's values for an image that the cluster has.
func imageValues(image string) []string {
	repository, tag := image, "latest"
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		repository, tag = image[:colon], image[colon+1:]
	}

	return []string{"--set-string", "image.repository=" + repository + ",image.tag=" + tag + ",image.pullPolicy=Never"}
}

// address returns the first address at which the NodePort of a release answers: this host, as on a cluster that runs here,
// or a node.
func (c *cluster) address(t *testing.T, release string) string {
	t.Helper()

	port := c.kubectl(t, "get", "service", fullName(release), "--output", "jsonpath={.spec.ports[0].nodePort}")
	nodes := c.kubectl(t, "get", "nodes", "--output", `jsonpath={range .items[*].status.addresses[*]}{.address}{"\n"}{end}`)

	var (
		address string
		asked   int
	)

	testkit.Eventually(t, func() error {
		var err error

		for _, host := range append([]string{"127.0.0.1"}, strings.Fields(nodes)...) {
			err = readyFrom(t.Context(), firstAskingPort+asked%askingPorts, "http://"+host+":"+port)
			asked++

			if err == nil {
				address = host + ":" + port

				return nil
			}
		}

		return fmt.Errorf("the NodePort answers at no node: %w", err)
	})

	return address
}

// readyFrom returns an error unless the service is ready to a connection from that port of this host.
func readyFrom(ctx context.Context, port int, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()

	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{Port: port}}

	return proc.Answers(ctx, &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}, url+"/readyz")
}

// fullName is the chart's name for a release's resources.
func fullName(release string) string {
	if strings.Contains(release, "clockmirror") {
		return release
	}

	return release + "-clockmirror"
}

// pod has the fields of a pod that the tests read.
type pod struct {
	Metadata struct {
		Name              string            `json:"name"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Volumes    []any `json:"volumes"`
		Containers []struct {
			Image string `json:"image"`
		} `json:"containers"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
	} `json:"status"`
}

func (p pod) ready() bool {
	for _, condition := range p.Status.Conditions {
		if condition.Type == "Ready" {
			return condition.Status == "True"
		}
	}

	return false
}

// pods returns the pods of a release that are not about to end.
func (c *cluster) pods(t *testing.T, release string) []pod {
	t.Helper()

	var list struct {
		Items []pod `json:"items"`
	}

	text := c.kubectl(t, "get", "pods", "--selector", "app.kubernetes.io/instance="+release, "--output", "json")
	require.NoError(t, json.Unmarshal([]byte(text), &list))

	return slices.DeleteFunc(list.Items, func(p pod) bool { return p.Metadata.DeletionTimestamp != "" })
}

// hash returns the label value that identifies a version's pods.
func hash(t *testing.T, pods []pod) string {
	t.Helper()

	require.NotEmpty(t, pods)

	return pods[0].Metadata.Labels["pod-template-hash"]
}

// awaitGone waits until a version's pods have ended.
func (c *cluster) awaitGone(t *testing.T, hash string) {
	t.Helper()
	c.kubectl(t, "wait", "pods", "--selector", "pod-template-hash="+hash, "--for", "delete", "--timeout", patience)
}

// things returns the names of all resources in the namespace, except events and those that every namespace has.
func (c *cluster) things(t *testing.T) []string {
	t.Helper()

	kinds := slices.DeleteFunc(strings.Fields(c.kubectl(t, "api-resources", "--verbs", "list", "--namespaced", "--output", "name")),
		func(kind string) bool { return strings.HasPrefix(kind, "events") })

	return slices.DeleteFunc(strings.Fields(c.kubectl(t, "get", strings.Join(kinds, ","), "--output", "name", "--ignore-not-found")),
		func(name string) bool {
			return name == "configmap/kube-root-ca.crt" || name == "serviceaccount/default"
		})
}

// uninstall uninstalls releases and waits until nothing is left of them.
func (c *cluster) uninstall(t *testing.T, releases ...string) {
	t.Helper()

	c.helm(t, append([]string{"uninstall", "--wait", "--timeout", patience}, releases...)...)
	testkit.Eventually(t, func() error {
		if left := c.things(t); len(left) != 0 {
			return fmt.Errorf("helm uninstall leaves %s", strings.Join(left, ", "))
		}

		return nil
	})
}
