// Package rollout_test replaces running containers under load, behind a real load balancer, and counts the requests that
// fail. `make rollout` runs it.
package rollout_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	replicas = 2
	rate     = 250 // requests a second that are sent
	minRate  = 200 // requests a second that must have ended
	// deregistrationDelay is the target group's.
	deregistrationDelay = 25 * time.Second
	// neverHealthy is how long a version that can't get healthy is waited for: several checks.
	neverHealthy = 6 * time.Second
	// settle lets requests end that were sent before.
	settle = 2 * time.Second
	// settleSlow lets slow requests end too, so that those of a killed container are counted where it is killed.
	settleSlow    = 10 * time.Second
	defaultRounds = 2
)

func TestRollout(t *testing.T) {
	if runtime.GOOS != "linux" {
		testkit.Missing(t, "a host that reaches containers by their addresses", "run this on Linux")
	}

	docker := testkit.Docker(t)
	lb := startBalancer(t, docker)
	r := &rollout{service: &service{docker: docker, owner: t, image: docker.Image(t), lb: lb}, report: &testkit.Report{}}
	t.Cleanup(func() { r.report.Publish(t, "rollout") })

	r.service.awaitHealthy(t, r.service.start(t))
	r.load = testkit.StartLoad(t, lb.address, rate)

	time.Sleep(settle) // connections are opened, caches are warm
	r.load.Next(t)

	for round := range rounds(t) {
		t.Run(fmt.Sprintf("rollout %d loses no request", round+1), r.replaceAll)
	}

	t.Run("SIGTERM without deregistration loses no request", r.terminateAll)
	t.Run("SIGKILL of one of two is noticed by the health checks", r.killOne)
	t.Run("a replacement loses no request", r.replaceKilled)
	t.Run("a version that never gets healthy loses no request", r.startBroken)
}

// rollout is what the cases share: each goes on with the containers that the one before left.
type rollout struct {
	service *service
	load    *testkit.Load
	report  *testkit.Report
	killed  string
}

func (r *rollout) replaceAll(t *testing.T) {
	began, old := time.Now(), r.service.running
	r.service.awaitHealthy(t, r.service.start(t))

	for _, name := range old {
		require.NoError(t, r.service.lb.Deregister(name))
	}

	time.Sleep(deregistrationDelay)

	for _, name := range old {
		r.service.lb.forget(t, name)
	}

	r.service.terminate(t, old)
	r.report.Add(t.Name(), began, r.load.Next(t)).MustLoseNothing(t, minRate)
}

func (r *rollout) terminateAll(t *testing.T) {
	began, old := time.Now(), r.service.running
	r.service.awaitHealthy(t, r.service.start(t))
	r.service.terminate(t, old)

	for _, name := range old {
		r.service.lb.forget(t, name)
	}

	r.report.Add(t.Name(), began, r.load.Next(t)).MustLoseNothing(t, minRate)
}

func (r *rollout) killOne(t *testing.T) {
	began := time.Now()
	r.killed = r.service.running[0]
	r.service.docker.Run(t, "kill", r.killed)
	testkit.Until(t, func() bool { return !r.service.lb.healthy(t, r.killed) }, "the balancer does not notice that a container is gone")

	noticed := time.Since(began)

	time.Sleep(settleSlow)

	row := r.report.Add(t.Name(), began, r.load.Next(t))
	// A check is due within an interval, each failing one may take as long as a connection may, and a busy machine adds a bit.
	longest := checksToLeave*(checkInterval+connectTimeout) + time.Second
	assert.Less(t, noticed, longest, "the checks took longer to notice than their settings allow")
	assert.Positive(t, row.Failures(), "the load generator must notice a killed container")
	assert.Positive(t, row.Slow.Failures(), "the load generator must notice cut requests")
	assert.LessOrEqual(t, row.Failures(), int(longest.Seconds()*rate/replicas), "more failed than the health check explains: %v", row.Failed)
}

func (r *rollout) replaceKilled(t *testing.T) {
	began := time.Now()

	r.service.lb.forget(t, r.killed)

	r.service.running = r.service.running[1:]
	r.service.awaitHealthy(t, r.service.startSome(t, 1))
	time.Sleep(settle)
	r.report.Add(t.Name(), began, r.load.Next(t)).MustLoseNothing(t, minRate)
}

func (r *rollout) startBroken(t *testing.T) {
	began, old := time.Now(), r.service.running
	broken := r.service.start(t, "--env", "PORT=8081") // it runs, but not where the checks look

	time.Sleep(neverHealthy)

	for _, name := range broken {
		assert.False(t, r.service.lb.healthy(t, name), "a container that does not answer is healthy")
		assert.Equal(t, "true", r.service.docker.Inspect(t, name, "{{.State.Running}}"), "it should run and not be ready")
		r.service.lb.forget(t, name)
		r.service.docker.Run(t, "kill", name)
	}

	r.service.running = old

	r.report.Add(t.Name(), began, r.load.Next(t)).MustLoseNothing(t, minRate)
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
	docker *testkit.Engine
	// owner is the test at whose end the containers are removed.
	owner   *testing.T
	image   string
	lb      *targets
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
		name := s.docker.Start(s.owner, s.image, options...)
		require.NoError(t, s.lb.Register(name, s.docker.Address(t, name)+":8080"))
		started = append(started, name)
	}

	s.running = append(s.running, started...)

	return started
}

func (s *service) awaitHealthy(t *testing.T, names []string) {
	t.Helper()

	for _, name := range names {
		testkit.Until(t, func() bool { return s.lb.healthy(t, name) }, name+" does not get healthy")
	}
}

// terminate sends SIGTERM, and waits until all have ended in order.
func (s *service) terminate(t *testing.T, names []string) {
	t.Helper()

	for _, name := range names {
		s.docker.Run(t, "kill", "--signal", "TERM", name)
	}

	for _, name := range names {
		assert.Equal(t, "0", s.docker.Wait(t, name, 2*testkit.Patience), "exit code; %s", s.docker.Logs(t, name))
	}
}
