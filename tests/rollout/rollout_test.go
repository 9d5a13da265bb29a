// Package rollout_test replaces running containers under load, behind a real load balancer, and counts the requests that
// fail. `make rollout` runs it.
package rollout_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/harness"
)

const (
	replicas = 2
	rate     = 250 // requests a second that are sent
	minRate  = 200 // requests a second that must have ended
	// deregistrationDelay is the target group's.
	deregistrationDelay = 5 * time.Second
	// neverHealthy is how long a version that can't get healthy is waited for: several checks.
	neverHealthy = 6 * time.Second
	// settle lets requests end that were sent before.
	settle        = 2 * time.Second
	defaultRounds = 3
)

func TestRollout(t *testing.T) {
	if runtime.GOOS != "linux" {
		harness.Missing(t, "a host that reaches containers by their addresses", "run this on Linux")
	}

	docker := harness.Docker(t)
	lb := startBalancer(t)
	service := &service{docker: docker, image: docker.Image(t), lb: lb}

	first := service.start(t)
	service.awaitHealthy(t, first)

	load := startLoad(t, lb.address)

	time.Sleep(settle) // connections are opened, caches are warm
	load.next(t)

	report := &report{}
	defer report.publish(t)

	for round := range rounds(t) {
		began := time.Now()
		old := service.running
		service.awaitHealthy(t, service.start(t))

		for _, name := range old {
			lb.deregister(t, name)
		}

		time.Sleep(deregistrationDelay)
		service.terminate(t, old)

		row := report.add(fmt.Sprintf("rollout %d", round+1), began, load.next(t))
		row.mustLoseNothing(t)
	}

	t.Log("SIGTERM without deregistration")

	began := time.Now()
	old := service.running
	service.awaitHealthy(t, service.start(t))
	service.terminate(t, old)
	report.add("SIGTERM without deregistration", began, load.next(t)).mustLoseNothing(t)

	t.Log("SIGKILL of one of two")

	began = time.Now()
	killed := service.running[0]
	docker.Run(t, "kill", killed)
	harness.Eventually(t, func() error {
		if lb.healthy(t, killed) {
			return errors.New("the balancer does not notice that a container is gone")
		}

		return nil
	})

	noticed := time.Since(began)

	time.Sleep(settle)

	row := report.add("SIGKILL of one of two", began, load.next(t))
	// A check is due within an interval, each failing one may take as long as a connection may, and a busy machine adds a bit.
	longest := checksToLeave*(checkInterval+connectTimeout) + time.Second
	assert.Less(t, noticed, longest, "the checks took longer to notice than their settings allow")
	assert.Positive(t, row.failures(), "a load generator that does not notice a killed container would notice nothing")
	assert.LessOrEqual(t, row.failures(), int(longest.Seconds()*rate/replicas), "more failed than the health check explains: %v", row.Failed)

	t.Log("a replacement for it")

	began = time.Now()

	lb.forget(t, killed)

	service.running = service.running[1:]
	service.awaitHealthy(t, service.startSome(t, 1))
	time.Sleep(settle)
	report.add("a replacement for it", began, load.next(t)).mustLoseNothing(t)

	t.Log("a new version that never gets healthy")

	began = time.Now()
	old = service.running
	broken := service.start(t, "--env", "PORT=8081") // it runs, but not where the checks look

	time.Sleep(neverHealthy)

	for _, name := range broken {
		assert.False(t, lb.healthy(t, name), "a container that does not answer is healthy")
		assert.Equal(t, "true", docker.Inspect(t, name, "{{.State.Running}}"), "it should run and not be ready")
		lb.forget(t, name)
		docker.Run(t, "kill", name)
	}

	service.running = old

	report.add("a version that never gets healthy", began, load.next(t)).mustLoseNothing(t)
}

// rounds is how many rollouts there are: ROLLOUT_ROUNDS.
func rounds(t *testing.T) int {
	t.Helper()

	text := os.Getenv("ROLLOUT_ROUNDS")
	if text == "" {
		return defaultRounds
	}

	number, err := strconv.Atoi(text)
	require.True(t, err == nil && number > 0, "ROLLOUT_ROUNDS is %q; it must be a number of rollouts, 1 or more", text)

	return number
}

// service is what ECS would call a service: containers of one image, registered with a load balancer.
type service struct {
	docker  *harness.Engine
	image   string
	lb      *balancer
	running []string
}

// start starts as many containers as the service has, registers them, and makes them the running ones.
func (s *service) start(t *testing.T, options ...string) []string {
	t.Helper()

	s.running = nil

	return s.startSome(t, replicas, options...)
}

func (s *service) startSome(t *testing.T, count int, options ...string) []string {
	t.Helper()

	started := make([]string, 0, count)

	for range count {
		name := s.docker.Start(t, s.image, options...)
		s.lb.register(t, name, s.docker.Address(t, name)+":8080")
		started = append(started, name)
	}

	s.running = append(s.running, started...)

	return started
}

func (s *service) awaitHealthy(t *testing.T, names []string) {
	t.Helper()

	for _, name := range names {
		harness.Eventually(t, func() error {
			if !s.lb.healthy(t, name) {
				return fmt.Errorf("%s does not get healthy", name)
			}

			return nil
		})
	}
}

// terminate sends SIGTERM and waits for orderly ends.
func (s *service) terminate(t *testing.T, names []string) {
	t.Helper()

	for _, name := range names {
		s.docker.Run(t, "kill", "--signal", "TERM", name)
	}

	for _, name := range names {
		assert.Equal(t, "0", s.docker.Wait(t, name, 2*harness.Patience), "exit code; %s", s.docker.Logs(t, name))
		s.lb.forget(t, name)
	}
}

// load is the second process, which sends the requests.
type load struct {
	stdin  io.Writer
	stdout *bufio.Reader
}

func startLoad(t *testing.T, address string) *load {
	t.Helper()

	program := filepath.Join(t.TempDir(), "load")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./load").CombinedOutput()
	require.NoError(t, err, string(output))

	command := exec.CommandContext(t.Context(), program, address, strconv.Itoa(rate))
	command.Stderr = os.Stderr

	stdin, err := command.StdinPipe()
	require.NoError(t, err)

	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Wait() }) // killed when the test's context ended

	return &load{stdin: stdin, stdout: bufio.NewReader(stdout)}
}

// summary is what load tells about the requests that ended since it was asked last.
type summary struct {
	Seconds       float64        `json:"seconds"`
	Requests      int            `json:"requests"`
	Fresh         int            `json:"fresh"`
	KeepAlive     int            `json:"keep_alive"`
	Failed        map[string]int `json:"failed"`
	P99Millis     float64        `json:"p99_ms"`
	SlowestMillis float64        `json:"slowest_ms"`
}

// next returns what has happened since it was called last.
func (l *load) next(t *testing.T) summary {
	t.Helper()

	_, err := io.WriteString(l.stdin, "\n")
	require.NoError(t, err)

	line, err := l.stdout.ReadBytes('\n')
	require.NoError(t, err)

	var result summary
	require.NoError(t, json.Unmarshal(line, &result))

	return result
}

// report is the table that people look at.
type report struct{ rows []row }

type row struct {
	What string `json:"what"`
	// Took is the time that the case took, in seconds.
	Took float64 `json:"took_seconds"`
	summary
}

func (r *report) add(what string, began time.Time, result summary) row {
	added := row{What: what, Took: time.Since(began).Seconds(), summary: result}
	r.rows = append(r.rows, added)

	return added
}

// failures returns how many requests failed, for whatever reason.
func (r row) failures() int {
	total := 0
	for _, count := range r.Failed {
		total += count
	}

	return total
}

// mustLoseNothing fails the test when a request did not get its answer in time, or there was too little load to tell.
func (r row) mustLoseNothing(t *testing.T) {
	t.Helper()

	assert.Empty(t, r.Failed, "%s: failed requests by reason", r.What)
	assert.GreaterOrEqual(t, float64(r.Requests)/r.Seconds, float64(minRate), "%s: requests per second", r.What)
	assert.InDelta(t, r.Fresh, r.KeepAlive, float64(r.Requests)/10, "%s: fresh and kept-alive connections", r.What)
}

// publish prints the table and keeps it as an artifact.
func (r *report) publish(t *testing.T) {
	t.Helper()

	var text strings.Builder

	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "case\tseconds\trequests\tper second\tfailed\tp99 ms\tslowest ms")

	for _, row := range r.rows {
		fmt.Fprintf(table, "%s\t%.1f\t%d\t%.0f\t%d\t%.1f\t%.1f\n",
			row.What, row.Took, row.Requests, float64(row.Requests)/row.Seconds, row.failures(), row.P99Millis, row.SlowestMillis)
	}

	require.NoError(t, table.Flush())

	for _, row := range r.rows {
		for _, reason := range slices.Sorted(maps.Keys(row.Failed)) {
			fmt.Fprintf(&text, "%s: %d × %s\n", row.What, row.Failed[reason], reason)
		}
	}

	t.Log("\n" + text.String())

	folder := harness.Artifacts(t, "rollout")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rollout.txt"), []byte(text.String()), 0o600))

	data, err := json.MarshalIndent(r.rows, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rollout.json"), append(data, '\n'), 0o600))
}
