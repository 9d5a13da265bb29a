// Package k8s_test installs the Helm chart in a real cluster: the one that KUBECONFIG names. `make k8s` runs it.
package k8s_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	rate    = 250 // requests a second that are sent
	minRate = 200 // requests a second that must have ended
	// neverReady is how long an upgrade waits for an image that does not get ready.
	neverReady = "20s"
	newVersion = "99.0.0"
	// settle is how long the load runs before it is counted.
	settle = 2 * time.Second
)

func TestKubernetes(t *testing.T) {
	connect(t) // first, because without a cluster no image is needed

	images := loadImages(t)

	t.Run("the default", func(t *testing.T) { testDefault(t, connect(t), images) })
	t.Run("three customers", func(t *testing.T) { testCustomers(t, connect(t), images.old) })
}

// images are the names of images that the cluster has.
type images struct{ old, next, never string }

// loadImages gives the cluster the image under test, another version of it, and one that runs but never gets ready.
func loadImages(t *testing.T) images {
	t.Helper()

	docker := testkit.Docker(t)
	loaded := images{old: docker.Image(t), next: docker.Build(t, "VERSION="+newVersion), never: testkit.Unique()}

	docker.RemoveAfter(t, "image", loaded.never)

	build := docker.Command(t.Context(), "build", "--tag", loaded.never, "-")
	build.Stdin = strings.NewReader("FROM " + loaded.old + "\nENV PORT=8081\n") // not where the probes look

	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	command := strings.Fields(os.Getenv(loadVariable))
	if len(command) == 0 {
		return loaded
	}

	for _, image := range []string{loaded.old, loaded.next, loaded.never} {
		testkit.Run(t, testkit.Root(t), command[0], append(command[1:], image)...)
	}

	return loaded
}

func testDefault(t *testing.T, c *cluster, images images) {
	t.Helper()

	const release = "clockmirror"

	address := c.install(t, release, images.old)
	c.awaitReplicas(t, release, 2)

	for _, pod := range c.pods(t, release) {
		assert.Empty(t, pod.Spec.Volumes, "the only volume could be a service account token")
	}

	c.helm(t, "test", release)

	load := testkit.StartLoad(t, address, rate)
	report := &testkit.Report{}

	defer report.Publish(t, "k8s")

	began := time.Now()

	time.Sleep(settle) // connections are opened, caches are warm
	report.Add("not yet counted", began, load.Next(t))

	t.Log("an upgrade to a new image")

	began = time.Now()
	old := hash(t, c.pods(t, release))
	c.upgrade(t, release, images.next)
	c.awaitGone(t, old)
	c.mustLoseNothing(t, report.Add("upgrade", began, load.Next(t)))
	assert.Equal(t, newVersion, version(t, address))

	t.Log("an upgrade to an image that never gets ready")

	began = time.Now()
	good := hash(t, c.pods(t, release))
	output, err := c.tryHelm(t, append([]string{"upgrade", release, c.chart, "--reuse-values", "--wait", "--timeout", neverReady}, imageValues(images.never)...)...)
	require.Error(t, err, output)

	broken := c.count(t, release, images.never)
	assert.Positive(t, broken.running, "the new image should run")
	assert.Zero(t, broken.ready, "the new image should not get ready")
	assert.Equal(t, 2, c.count(t, release, images.next).ready, "the old image should go on serving")
	c.mustLoseNothing(t, report.Add("an image that never gets ready", began, load.Next(t)))

	t.Log("a roll-back")

	began = time.Now()

	c.helm(t, "rollback", release, "--wait", "--timeout", patience)
	testkit.Until(t, func() bool { return c.count(t, release, images.never).all == 0 }, "pods of the image that never gets ready are left")
	c.mustLoseNothing(t, report.Add("helm rollback", began, load.Next(t)))
	assert.Equal(t, good, hash(t, c.pods(t, release)), "the same pods as before")
	assert.Equal(t, newVersion, version(t, address))
	assert.Contains(t, c.helm(t, "status", release), "STATUS: deployed")
	c.helm(t, "test", release)

	t.Log("a test of a service that does not answer")

	c.kubectl(t, "scale", "deployment", release, "--replicas", "0")
	c.awaitGone(t, good)

	output, err = c.tryHelm(t, "test", release)
	require.Error(t, err, output)
	assert.Contains(t, output, "not healthy", "it should say why")

	assert.Positive(t, (&testkit.Row{Summary: load.Next(t)}).Failures(), "the load generator must notice a missing service")

	c.uninstall(t, release)
}

// upgrade changes the image of a release and waits until the new one serves.
func (c *cluster) upgrade(t *testing.T, release, image string) {
	t.Helper()
	c.helm(t, append([]string{"upgrade", release, c.chart, "--reuse-values", "--wait", "--timeout", patience}, imageValues(image)...)...)
}

// awaitReplicas waits until that many pods of a release are ready: the autoscaler starts those above one.
func (c *cluster) awaitReplicas(t *testing.T, release string, replicas int) {
	t.Helper()

	testkit.Until(t, func() bool {
		ready := slices.DeleteFunc(c.pods(t, release), func(p pod) bool { return !p.ready() })

		return len(ready) == replicas
	}, fmt.Sprintf("not %d pods are ready", replicas))
}

// counted is how many pods of an image there are.
type counted struct{ all, running, ready int }

func (c *cluster) count(t *testing.T, release, image string) counted {
	t.Helper()

	var result counted

	for _, pod := range c.pods(t, release) {
		if !strings.HasPrefix(pod.Spec.Containers[0].Image, image) {
			continue
		}

		result.all++

		if pod.Status.Phase == "Running" {
			result.running++
		}

		if pod.ready() {
			result.ready++
		}
	}

	return result
}

// version returns the version that answers.
func version(t *testing.T, address string) string {
	t.Helper()

	var health struct {
		Version string `json:"version"`
	}

	require.NoError(t, json.Unmarshal([]byte(testkit.Get(t, "http://"+address+"/health")), &health))

	return health.Version
}
