package program_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func drainThenStop(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=2s")
	response, _ := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	assert.False(t, response.Close)

	signalled := time.Now()

	server.Terminate(t)
	testkit.Until(t, func() bool { return status(t, server.URL+"/readyz") == http.StatusServiceUnavailable }, "/readyz is not 503")

	// Everything but /readyz goes on, and asks clients to come back elsewhere.
	for _, path := range []string{"/api/echo?text=12:22", "/livez", "/health"} {
		response, _ = testkit.Ask(t, server.URL+path)
		assert.Equal(t, http.StatusOK, response.StatusCode, path)
		assert.True(t, response.Close, path)
	}

	require.Less(t, time.Since(signalled), 2*time.Second, "all this within the drain delay, or it proves nothing")
	assert.Zero(t, server.ExitCode(t))
	assert.GreaterOrEqual(t, time.Since(signalled), 2*time.Second)
	assert.Contains(t, server.Output(), `"msg":"stopped"`)
}

func secondSignalEndsAtOnce(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=5m")
	server.Terminate(t)
	testkit.Until(t, func() bool { return status(t, server.URL+"/readyz") == http.StatusServiceUnavailable }, "not draining yet")
	server.Terminate(t)
	assert.NotZero(t, server.ExitCode(t))
}

func requestsInFlightEnd(t *testing.T, program string) {
	server := testkit.Start(t, program)
	held := []net.Conn{hold(t, server), hold(t, server), hold(t, server)}

	server.Terminate(t)
	testkit.Eventually(t, func() error {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			return nil //nolint:nilerr // it no longer listens
		}

		return errors.Join(errors.New("still listening"), connection.Close())
	})

	for _, connection := range held {
		arrived, promised, err := rest(t, connection)
		require.NoError(t, err)
		assert.Equal(t, promised, arrived)
		assert.Greater(t, arrived, int64(1_000_000))
	}

	assert.Zero(t, server.ExitCode(t))
	assert.Equal(t, 3, strings.Count(server.Output(), `"route":"/swagger/*file"`), "their log lines are written too")
}

func requestsThatNeverEndAreCut(t *testing.T, program string) {
	server := testkit.Start(t, program, "SHUTDOWN_TIMEOUT=100ms")
	held := hold(t, server)

	server.Terminate(t)
	assert.Equal(t, 1, server.ExitCode(t))
	assert.Contains(t, server.Output(), "requests were cut after 100ms")

	_, _, err := rest(t, held)
	assert.Error(t, err)
}

// hangUpDrains: a closed terminal sends SIGHUP.
func hangUpDrains(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=1s")
	require.NoError(t, server.Command.Process.Signal(syscall.SIGHUP))
	assert.Zero(t, server.ExitCode(t))
	assert.Contains(t, server.Output(), `"msg":"draining"`)
	assert.Contains(t, server.Output(), `"msg":"stopped"`)
}

func profileDoesNotHoldTheStop(t *testing.T, program string) {
	server := testkit.Start(t, program, "SHUTDOWN_TIMEOUT=5s")

	// A trace sends its first bytes at once, so it has begun when they arrive.
	connection := open(t, server.AdminURL, "GET /debug/pprof/trace?seconds=60 HTTP/1.1\r\nHost: x\r\n\r\n")
	_, err := io.ReadFull(connection, make([]byte, 1))
	require.NoError(t, err)

	stopped := time.Now()

	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t), server.Output())
	assert.Less(t, time.Since(stopped), 5*time.Second)
}
