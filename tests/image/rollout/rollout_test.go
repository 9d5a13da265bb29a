// Package rollout_test replaces running containers under load, behind a real load balancer, and counts the requests that
// fail. `make rollout` runs it.
package rollout_test

import (
	"errors"
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
	deregistrationDelay = 5 * time.Second
	// neverHealthy is how long a version that can't get healthy is waited for: several checks.
	neverHealthy = 6 * time.Second
	// settle lets requests end that were sent before.
	settle        = 2 * time.Second
	defaultRounds = 3
)

func TestRollout(t *testing.T) {
	if runtime.GOOS != "linux" {
		testkit.Missing(t, "a host that reaches containers by their addresses", "run this on Linux")
	}

	docker := testkit.Docker(t)
	lb := startBalancer(t, docker)
	service := &service{docker: docker, image: docker.Image(t), lb: lb}

	first := service.start(t)
	service.awaitHealthy(t, first)

	load := testkit.StartLoad(t, lb.address, rate)

	time.Sleep(settle) // connections are opened, caches are warm
	load.Next(t)

	report := &testkit.Report{}
	defer report.Publish(t, "rollout")

	for round := range rounds(t) {
		began := time.Now()
		old := service.running
		service.awaitHealthy(t, service.start(t))

		for _, name := range old {
			lb.deregister(t, name)
		}

		time.Sleep(deregistrationDelay)
		service.terminate(t, old)

		row := report.Add(fmt.Sprintf("rollout %d", round+1), began, load.Next(t))
		row.MustLoseNothing(t, minRate)
	}

	t.Log("SIGTERM without deregistration")

	began := time.Now()
	old := service.running
	service.awaitHealthy(t, service.start(t))
	service.terminate(t, old)
	report.Add("SIGTERM without deregistration", began, load.Next(t)).MustLoseNothing(t, minRate)

	t.Log("SIGKILL of one of two")

	began = time.Now()
	killed := service.running[0]
	docker.Run(t, "kill", killed)
	testkit.Eventually(t, func() error {
		if lb.healthy(t, killed) {
			return errors.New("the balancer does not notice that a container is gone")
		}

		return nil
	})

	noticed := time.Since(began)

	time.Sleep(settle)

	row := report.Add("SIGKILL of one of two", began, load.Next(t))
	// A check is due within an interval, each failing one may take as long as a connection may, and a busy machine adds a bit.
	longest := checksToLeave*(checkInterval+connectTimeout) + time.Second
	assert.Less(t, noticed, longest, "the checks took longer to notice than their settings allow")
	assert.Positive(t, row.Failures(), "a load generator that does not notice a killed container would notice nothing")
	assert.LessOrEqual(t, row.Failures(), int(longest.Seconds()*rate/replicas), "more failed than the health check explains: %v", row.Failed)

	t.Log("a replacement for it")

	began = time.Now()

	lb.forget(t, killed)

	service.running = service.running[1:]
	service.awaitHealthy(t, service.startSome(t, 1))
	time.Sleep(settle)
	report.Add("a replacement for it", began, load.Next(t)).MustLoseNothing(t, minRate)

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

	report.Add("a version that never gets healthy", began, load.Next(t)).MustLoseNothing(t, minRate)
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
	docker  *testkit.Engine
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
		testkit.Eventually(t, func() error {
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
		assert.Equal(t, "0", s.docker.Wait(t, name, 2*testkit.Patience), "exit code; %s", s.docker.Logs(t, name))
		s.lb.forget(t, name)
	}
}
