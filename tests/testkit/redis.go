package testkit

import (
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Redis starts a Redis on a port of 127.0.0.1, with the password `hidden`, and stops it when the test ends. It keeps nothing on disk.
func Redis(tb testing.TB, port int) *proc.Process {
	tb.Helper()

	redis, err := proc.Start(exec.Command( //nolint:noctx // it is stopped below, when the test ends
		Program(tb, "apt-get install redis-server", "redis-server", "valkey-server"),
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", tb.TempDir(), "--requirepass", "hidden"))
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, redis.Stop()) })
	Eventually(tb, func() error {
		connection, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return err
		}

		return connection.Close()
	})

	return redis
}
