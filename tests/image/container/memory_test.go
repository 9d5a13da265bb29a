package container_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// TestMemory attacks containers with what fills memory. The kernel must have no reason to kill them.
func TestMemory(t *testing.T) {
	docker := testkit.Docker(t)
	name := docker.Image(t)

	const body = 64 << 10

	large := `{"text":"` + strings.Repeat("<", body-11) + `"}`
	post := "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(large)) + "\r\n\r\n"

	attacks(t, docker, name, nil, []attack{
		{"1020 bodies that never end", post + large[:len(large)-1], 1020},
		{"2000 headers that never end", "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 19<<10), 2000},
		{"1020 bodies that are large", post + large, 1020},
	})
}

type attack struct {
	title, request string
	clients        int
}

// attacks holds containers with these settings against each attack.
func attacks(t *testing.T, docker *testkit.Engine, name string, settings []string, all []attack) {
	t.Helper()

	for _, limit := range []string{"64m", "128m"} {
		for _, attack := range all {
			t.Run(limit+": "+attack.title, func(t *testing.T) {
				container, address := startLimited(t, docker, name, limit, settings...)
				assault(t, address, attack.request, attack.clients)

				attacked := time.Now()

				testkit.Eventually(t, func() error { return testkit.Ready(t.Context(), "http://"+address) })
				assert.JSONEq(t, `{"text":"12:22"}`, testkit.Get(t, "http://"+address+"/api/echo?text=12:22"))
				assert.Less(t, time.Since(attacked), 5*time.Second, "others are served while it goes on: nothing has timed out yet")
				assert.Equal(t, "true false 0", docker.Inspect(t, container, "{{.State.Running}} {{.State.OOMKilled}} {{.RestartCount}}"))
			})
		}
	}
}

// startLimited starts a container on the host's own network.
func startLimited(t *testing.T, docker *testkit.Engine, image, limit string, settings ...string) (name, address string) {
	t.Helper()

	port, admin := strconv.Itoa(testkit.FreePort(t)), strconv.Itoa(testkit.FreePort(t))
	address = net.JoinHostPort("127.0.0.1", port)

	options := []string{"--memory", limit, "--network", "host"}
	for _, setting := range append(settings, "PORT="+port, "ADMIN_PORT="+admin) {
		options = append(options, "--env", setting)
	}

	name = docker.Start(t, image, options...)

	testkit.Eventually(t, func() error { return testkit.Ready(t.Context(), "http://"+address) })

	return name, address
}

// assault sends a request from many clients at once, and leaves their connections open until the test ends.
func assault(t *testing.T, address, request string, clients int) {
	t.Helper()

	var sending sync.WaitGroup

	for range clients {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err, "the container should take connections")
		t.Cleanup(func() { _ = connection.Close() })

		sending.Go(func() {
			_ = connection.SetWriteDeadline(time.Now().Add(testkit.Patience))
			_, _ = fmt.Fprint(connection, request) // it may be refused
		})
	}

	sending.Wait()
}
