package rollout_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// The target group checks /readyz every 5 s. Here it is every second, to keep the test short; the number of checks that
// it takes to leave is the same.
const (
	checkInterval = time.Second
	checksToEnter = 1
	checksToLeave = 2
	// connectTimeout is how long a request waits for a container that is gone.
	connectTimeout = time.Second
)

// targets is the load balancer, for a test.
type targets struct {
	*proxy.Balancer

	address string
}

func startBalancer(t *testing.T, docker *testkit.Engine) *targets {
	t.Helper()

	log, err := os.Create(filepath.Join(testkit.Artifacts(t, "rollout"), "haproxy.log"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })

	started, err := proxy.Start(t.Context(), docker.Engine, testkit.Unique(), proxy.Settings{
		Path: "/readyz", Interval: checkInterval, Timeout: connectTimeout, Healthy: checksToEnter, Unhealthy: checksToLeave,
	}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, started.Stop(context.WithoutCancel(t.Context()))) })

	return &targets{Balancer: started, address: started.Address() + ":80"}
}

func (b *targets) forget(t *testing.T, name string) {
	t.Helper()
	assert.NoError(t, b.Forget(name))
}

// healthy tells whether a target passes its checks.
func (b *targets) healthy(t *testing.T, name string) bool {
	t.Helper()

	passes, err := b.Health(name)
	require.NoError(t, err)

	return passes
}
