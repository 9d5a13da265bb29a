package rollout_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/harness"
)

// The target group checks /readyz every 5 s. Here it is every second, to keep the test short; the number of checks that
// it takes is the same.
const (
	checkInterval = time.Second
	checksToEnter = 1
	checksToLeave = 2
	// connectTimeout is how long a request waits for a container that is gone.
	connectTimeout = time.Second
)

// configuration makes HAProxy as strict as an ALB: a request that fails at one server is not tried at another, and any
// request may go over a connection that has been used.
const configuration = `
global
  log stdout format raw local0
  stats socket %[1]s mode 600 level admin

defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  retries 0
  timeout connect %[3]dms
  timeout client 60s
  timeout server 60s

frontend load
  bind 127.0.0.1:%[2]d
  default_backend api

backend api
  balance roundrobin
  http-reuse always
  option httpchk GET /readyz
  http-check expect status 200
`

// balancer is HAProxy as a stand-in for the ALB, told over its socket what the ECS service tells an ALB.
type balancer struct {
	address, socket string
}

func startBalancer(t *testing.T) *balancer {
	t.Helper()

	program := harness.Program(t, "apt-get install haproxy", "haproxy", "/usr/sbin/haproxy")

	folder, err := os.MkdirTemp("", "rollout") //nolint:usetesting // t.TempDir's paths are too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })

	port := harness.FreePort(t)
	lb := &balancer{address: "127.0.0.1:" + strconv.Itoa(port), socket: filepath.Join(folder, "socket")}

	file := filepath.Join(folder, "haproxy.cfg")
	text := fmt.Sprintf(configuration, lb.socket, port, connectTimeout.Milliseconds())
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))

	log, err := os.Create(filepath.Join(harness.Artifacts(t, "rollout"), "haproxy.log"))
	require.NoError(t, err)

	command := exec.Command(program, "-db", "-f", file) //nolint:noctx // it outlives t.Context, for the clean-up
	command.Stdout, command.Stderr = log, log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, command.Process.Kill())

		_ = command.Wait() // killed, so it does not end well

		require.NoError(t, log.Close())
	})

	harness.Eventually(t, func() error {
		connection, err := net.Dial("unix", lb.socket) //nolint:noctx // local
		if err != nil {
			return fmt.Errorf("HAProxy does not start, see %s: %w", log.Name(), err)
		}

		return connection.Close()
	})

	return lb
}

// tell sends a command and returns the answer.
func (b *balancer) tell(t *testing.T, format string, arguments ...any) string {
	t.Helper()

	connection, err := net.Dial("unix", b.socket) //nolint:noctx // local
	require.NoError(t, err)

	defer connection.Close()

	_, err = fmt.Fprintf(connection, format+"\n", arguments...)
	require.NoError(t, err)

	answer, err := io.ReadAll(connection)
	require.NoError(t, err)

	return strings.TrimSpace(string(answer))
}

// register adds a target, which gets no request before it has passed its first check.
func (b *balancer) register(t *testing.T, name, address string) {
	t.Helper()

	answer := b.tell(t, "add server api/%s %s check inter %dms rise %d fall %d",
		name, address, checkInterval.Milliseconds(), checksToEnter, checksToLeave)
	require.Contains(t, answer, "New server registered")

	// HAProxy takes a new server for healthy until a check fails; an ALB does not. So it comes in without traffic, is
	// declared down, and only then may get traffic.
	for _, command := range []string{"enable health api/%s", "set server api/%s state drain", "set server api/%s health down", "set server api/%s state ready"} {
		require.Empty(t, b.tell(t, command, name), command, name)
	}
}

// deregister lets a target finish the requests that it has, and gives it no more.
func (b *balancer) deregister(t *testing.T, name string) {
	t.Helper()
	require.Empty(t, b.tell(t, "set server api/%s state drain", name))
}

// forget ends the checks of a target that is gone.
func (b *balancer) forget(t *testing.T, name string) {
	t.Helper()
	require.Empty(t, b.tell(t, "set server api/%s state maint", name))
}

// healthy tells whether a target passes its checks.
func (b *balancer) healthy(t *testing.T, name string) bool {
	t.Helper()

	const (
		nameField, stateField = 3, 5
		running               = "2"
	)

	for line := range strings.Lines(b.tell(t, "show servers state api")) {
		if fields := strings.Fields(line); len(fields) > stateField && fields[nameField] == name {
			return fields[stateField] == running
		}
	}

	require.Fail(t, "HAProxy does not know "+name)

	return false
}
