// Package container_test checks the container image: what is in it, how it is made, and how it runs. It tests the image that
// CLOCKMIRROR_IMAGE names, or else one that it builds.
package container_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// buildPatience bounds a build of the image on a busy machine that has built nothing before.
const buildPatience = 15 * time.Minute

func TestImage(t *testing.T) {
	docker := testkit.Docker(t)
	name := docker.Image(t)
	built := open(t, docker, name)

	for title, test := range map[string]func(*testing.T, *testkit.Engine, string, image){
		"holds the program, certificates and notices, and is small": testContents,
		"is configured to be sealed, and labelled":                  testConfiguration,
		"serves the API and Swagger UI":                             testServes,
		"says which version it is":                                  testVersion,
		"lives in 64 MiB, sealed, under load":                       testSealed,
		"is healthy within a second":                                testHealthy,
		"stops in order":                                            testStops,
		"explains a wrong variable":                                 testWrongVariable,
		"explains a port that is taken":                             testPortTaken,
	} {
		t.Run(title, func(t *testing.T) { test(t, docker, name, built) })
	}
}

func TestBuild(t *testing.T) {
	docker := testkit.Docker(t)

	for _, test := range []struct {
		title string
		run   func(*testing.T, *testkit.Engine)
	}{
		{"reads what it needs, no more", testContext},
		{"needs nothing that was compiled before", testFresh},
		{"needs unit tests that pass", testFailingTest},
		{"is for two platforms", testPlatforms},
		{"is reproducible", testReproducible}, // the last, because it empties the others' caches
	} {
		t.Run(test.title, func(t *testing.T) { test.run(t, docker) })
	}
}

// start runs a container whose ports are published on free ones of this host, and returns its name and URLs.
func start(t *testing.T, docker *testkit.Engine, image string, options ...string) (name, public, admin string) {
	t.Helper()

	name = docker.Start(t, image, append([]string{"--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::9090"}, options...)...)
	public, admin = "http://"+docker.Published(t, name, "8080"), "http://"+docker.Published(t, name, "9090")

	testkit.Eventually(t, func() error { return testkit.Ready(t.Context(), public) })

	return name, public, admin
}

func testServes(t *testing.T, docker *testkit.Engine, name string, _ image) {
	t.Helper()

	_, public, _ := start(t, docker, name)
	assert.JSONEq(t, `{"text":"12:22"}`, testkit.Get(t, public+"/api/echo?text=12:22"))
	assert.Contains(t, testkit.Get(t, public), `<div id="swagger-ui">`)
	assert.Contains(t, testkit.Get(t, public+"/swagger/swagger-ui-bundle.js"), "SwaggerUIBundle")
	assert.Contains(t, testkit.Get(t, public+"/swagger/doc.json"), "/api/echo")
}

func testVersion(t *testing.T, docker *testkit.Engine, name string, built image) {
	t.Helper()

	labels := built.Config.Labels
	version, revision := labels["org.opencontainers.image.version"], labels["org.opencontainers.image.revision"]
	created := labels["org.opencontainers.image.created"]

	container, public, admin := start(t, docker, name)

	type stamp struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Created  string `json:"created"`
	}

	var health, log stamp
	require.NoError(t, json.Unmarshal([]byte(testkit.Get(t, public+"/health")), &health))
	assert.Equal(t, stamp{version, revision, created}, health, "/health")

	testkit.Eventually(t, func() error { // a line is written within 100 ms
		return json.NewDecoder(strings.NewReader(docker.Logs(t, container))).Decode(&log)
	})
	assert.Equal(t, stamp{version, revision, created}, log, "the first line of the log")

	var info string

	for line := range strings.Lines(testkit.Get(t, admin+"/metrics")) {
		if strings.HasPrefix(line, "clockmirror_build_info{") {
			info = line
		}
	}

	for _, label := range []string{`version="` + version + `"`, `revision="` + revision + `"`, `created="` + created + `"`} {
		assert.Contains(t, info, label, "the metric")
	}
}

// testSealed loads a container that has no capability, no writable file and little memory.
func testSealed(t *testing.T, docker *testkit.Engine, name string, _ image) {
	t.Helper()

	const clients, requests = 16, 500

	container, public, admin := start(t, docker, name)

	const limit = 64 << 20

	metrics := testkit.Get(t, admin+"/metrics")
	goal := metric(t, metrics, "go_gc_gomemlimit_bytes")
	assert.Greater(t, goal, limit*0.5, "GOMEMLIMIT, from the container's limit")
	assert.Less(t, goal, limit*1.0, "GOMEMLIMIT, from the container's limit")

	var load sync.WaitGroup

	for range clients {
		load.Go(func() {
			for range requests {
				response, err := http.Get(public + "/swagger/doc.json") //nolint:noctx // the container ends with the test
				if err != nil {
					assert.Fail(t, "no answer", err.Error())

					return
				}

				_, err = io.Copy(io.Discard, response.Body)
				assert.NoError(t, err)
				assert.NoError(t, response.Body.Close())
				assert.Equal(t, http.StatusOK, response.StatusCode)
			}
		})
	}

	load.Wait()

	t.Logf("%.1f MiB resident after %d requests", metric(t, testkit.Get(t, admin+"/metrics"), "process_resident_memory_bytes")/(1<<20), clients*requests)
	assert.Equal(t, "true false 0", docker.Inspect(t, container, "{{.State.Running}} {{.State.OOMKilled}} {{.RestartCount}}"))
}

func metric(t *testing.T, metrics, name string) float64 {
	t.Helper()

	for line := range strings.Lines(metrics) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			var number float64
			require.NoError(t, json.Unmarshal([]byte(value), &number))

			return number
		}
	}

	require.Fail(t, "there is no metric "+name)

	return 0
}

// testHealthy lets Docker run the image's own check more often than the image asks for, to see when it passes first.
func testHealthy(t *testing.T, docker *testkit.Engine, name string, built image) {
	t.Helper()

	assert.Positive(t, built.Config.Healthcheck.Interval)

	container := docker.Start(t, name, "--health-interval", "100ms")

	var state struct {
		StartedAt time.Time `json:"StartedAt"`
		Health    struct {
			Status string `json:"Status"`
			Log    []struct {
				End      time.Time `json:"End"`
				ExitCode int       `json:"ExitCode"`
			} `json:"Log"`
		} `json:"Health"`
	}

	testkit.Until(t, func() bool {
		require.NoError(t, json.Unmarshal([]byte(docker.Inspect(t, container, "{{json .State}}")), &state))

		return state.Health.Status == "healthy"
	}, "Docker does not find it healthy")

	for _, check := range state.Health.Log {
		if check.ExitCode == 0 {
			took := check.End.Sub(state.StartedAt)
			t.Logf("healthy %s after the start", took)
			assert.LessOrEqual(t, took, time.Second)

			return
		}
	}

	require.Fail(t, "Docker tells of no check that passed")
}

func testStops(t *testing.T, docker *testkit.Engine, name string, _ image) {
	t.Helper()

	container, public, _ := start(t, docker, name, "--env", "DRAIN_DELAY=2s")
	docker.Run(t, "kill", "--signal", "TERM", container)

	testkit.Until(t, func() bool {
		return docker.Command(t.Context(), "exec", container, "/clockmirror", "healthcheck").Run() != nil
	},
		"the check does not tell that the container is about to stop")
	assert.JSONEq(t, `{"text":"12:22"}`, testkit.Get(t, public+"/api/echo?text=12:22"), "while draining")

	assert.Equal(t, "0", docker.Wait(t, container, testkit.Patience), docker.Logs(t, container))
	assert.Equal(t, "0", docker.Inspect(t, container, "{{.State.ExitCode}}"))
}

func testWrongVariable(t *testing.T, docker *testkit.Engine, name string, _ image) {
	t.Helper()

	container := docker.Start(t, name, "--env", "PORT=http", "--env", "DRAIN_DELAY=ten")

	docker.Wait(t, container, testkit.Patience)
	assert.Equal(t, "2", docker.Inspect(t, container, "{{.State.ExitCode}}"))
	assert.Equal(t,
		"PORT: \"http\" is not allowed; it must be a TCP port, 1 to 65535\n"+
			"DRAIN_DELAY: \"ten\" is not allowed; it must be a duration from 0s to 5m, such as 10s\n",
		docker.Logs(t, container))
}

func testPortTaken(t *testing.T, docker *testkit.Engine, name string, _ image) {
	t.Helper()

	first, _, _ := start(t, docker, name)
	second := docker.Start(t, name, "--network", "container:"+first)

	docker.Wait(t, second, testkit.Patience)
	assert.Equal(t, "1", docker.Inspect(t, second, "{{.State.ExitCode}}"))
	assert.Equal(t,
		"clockmirror: open PORT 8080: listen tcp :8080: bind: address already in use; stop what uses it, or choose another PORT\n",
		docker.Logs(t, second))
}

// TestNoDocker runs make where there is no Docker, or none that answers.
func TestNoDocker(t *testing.T) {
	programs := t.TempDir()
	for _, name := range []string{"bash", "env", "git", "sed", "grep", "date", "go"} {
		require.NoError(t, os.Symlink(testkit.Program(t, "install "+name, name), filepath.Join(programs, name)))
	}

	silent := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(silent, "docker"), []byte("#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n"), 0o700))

	for _, target := range []string{"image", "image-run", "rollout", "rehearse", "toolbox"} {
		for _, test := range []struct{ title, path, wanted string }{
			{"missing", programs, "Docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install"},
			{"silent", programs + string(os.PathListSeparator) + silent, "Docker is installed, but its engine does not answer: start it"},
		} {
			t.Run(target+"/"+test.title, func(t *testing.T) {
				command := exec.CommandContext(t.Context(), testkit.Program(t, "install make", "make"), target)
				command.Dir = testkit.Root(t)
				command.Env = []string{"PATH=" + test.path, "HOME=" + t.TempDir()}

				output, err := command.CombinedOutput()
				require.Error(t, err, "make should fail")
				assert.Contains(t, string(output), test.wanted)

				said := strings.Split(strings.TrimSpace(string(output)), "\n")
				assert.Len(t, said, 1, "one line, not %q", said)
			})
		}
	}
}

// TestPublishedPort runs `docker run --publish PORT:8080` where something else has the port.
func TestPublishedPort(t *testing.T) {
	docker := testkit.Docker(t)
	name := docker.Image(t)

	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	defer taken.Close()

	container := testkit.Unique()
	docker.RemoveAfter(t, "container", container)

	output, err := docker.Command(t.Context(), "run", "--name", container, "--publish", taken.Addr().String()+":8080", name).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "address already in use")
}

// TestImageRun types `make image-run` and then Ctrl-C.
func TestImageRun(t *testing.T) {
	docker := testkit.Docker(t)

	name, port := testkit.Unique(), strconv.Itoa(testkit.FreePort(t))
	docker.RemoveAfter(t, "image", name)

	var output testkit.Buffer

	command := exec.CommandContext(t.Context(), "make", "image-run", "IMAGE="+name, "PORT="+port)
	command.Dir = testkit.Root(t)
	command.Stdout, command.Stderr = &output, &output
	process, err := proc.Start(command)
	require.NoError(t, err)

	testkit.EventuallyWithin(t, buildPatience, func() error { return testkit.Ready(t.Context(), "http://127.0.0.1:"+port) })

	assert.JSONEq(t, `{"text":"12:22"}`, testkit.Get(t, "http://127.0.0.1:"+port+"/api/echo?text=12:22"))

	require.NoError(t, process.Signal(syscall.SIGINT)) // as a terminal's Ctrl-C does
	_ = process.Wait()                                 // make tells of the interrupt

	assert.Contains(t, output.String(), "msg=stopped", "the server ended in order")
	assert.Empty(t, docker.Run(t, "ps", "--all", "--quiet", "--filter", "ancestor="+name), "the container is still there")
}
