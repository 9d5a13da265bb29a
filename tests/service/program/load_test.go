package program_test

import (
	"bufio"
	"errors"
	"fmt"
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

// hold sends a request for a large file and reads nothing of the answer beyond its first byte, so that it stays in flight.
func hold(t *testing.T, server *testkit.Server) net.Conn {
	t.Helper()

	// Small segments and a small window, so that the kernel takes no more than a fraction of the file off the server's hands.
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var segment, window error

		err := raw.Control(func(socket uintptr) {
			segment = syscall.SetsockoptInt(int(socket), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400)
			window = syscall.SetsockoptInt(int(socket), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10)
		})

		return errors.Join(err, segment, window)
	}}

	held, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = held.Close() })

	_, err = fmt.Fprint(held, "GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, held.SetReadDeadline(time.Now().Add(testkit.Patience)))

	var first [1]byte

	_, err = io.ReadFull(held, first[:])
	require.NoError(t, err)
	require.Equal(t, "H", string(first[:]), "of HTTP/1.1 200 OK")

	return held
}

// rest reads what hold left, and returns the size of the body that arrived and the one that was promised.
func rest(t *testing.T, held net.Conn) (arrived, promised int64, err error) {
	t.Helper()
	require.NoError(t, held.SetReadDeadline(time.Now().Add(testkit.Patience)))

	response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("H"), held)), nil)
	if err != nil {
		return 0, 0, fmt.Errorf("read the header: %w", err)
	}

	arrived, err = io.Copy(io.Discard, response.Body)

	return arrived, response.ContentLength, errors.Join(err, response.Body.Close())
}

func overload(t *testing.T, program string) {
	refusesMore(t, testkit.Start(t, program, "MAX_IN_FLIGHT=1"), 1, func() {})
}

// refusesMore checks that a server refuses a request above so many in flight, of which one is a reader's, until the others are released.
func refusesMore(t *testing.T, server *testkit.Server, inFlight int, release func()) {
	t.Helper()

	held := hold(t, server)
	reports(t, server, fmt.Sprintf("http_requests_in_flight %d", inFlight))

	asked := time.Now()
	response, body := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	assert.Less(t, time.Since(asked), 5*time.Second, "refused, not queued")
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Equal(t, "1", response.Header.Get("Retry-After"))
	assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	assert.Contains(t, body, "too many requests at a time")

	for _, probe := range []string{"/livez", "/readyz", "/health"} {
		response, _ = testkit.Ask(t, server.URL+probe)
		assert.Equal(t, http.StatusOK, response.StatusCode, "a busy server is not a dead one: %s", probe)
	}

	_, exposition := testkit.Ask(t, server.AdminURL+"/metrics")
	assert.Contains(t, exposition, `http_requests_total{method="GET",route="/api/echo",status="503"} 1`)

	release()

	_, _, err := rest(t, held)
	require.NoError(t, err)

	testkit.Until(t, func() bool { return status(t, server.URL+"/api/echo?text=12:22") == http.StatusOK }, "requests are refused still")
}

// reports waits until a metric has a value.
func reports(t *testing.T, server *testkit.Server, line string) {
	t.Helper()

	testkit.Until(t, func() bool {
		_, exposition := testkit.Ask(t, server.AdminURL+"/metrics")

		return strings.Contains(exposition, line+"\n")
	}, "there is no "+line)
}

func slowHeaders(t *testing.T, program string) {
	server := testkit.Start(t, program, "REQUEST_TIMEOUT=200ms")

	left, err := io.ReadAll(open(t, server.URL, "GET /api/echo?text=12:22 HTTP/1.1\r\nHost: x\r\n"))
	require.NoError(t, err, "the server closes the connection")
	assert.NotContains(t, string(left), "200 OK")
}

func slowReader(t *testing.T, program string) {
	server := testkit.Start(t, program, "REQUEST_TIMEOUT=500ms")
	held := hold(t, server)

	// Nothing is read for as long as the server waits; then it gives up, and says why in the log.
	testkit.Until(t, func() bool { return strings.Contains(server.Output(), "i/o timeout") }, "the server still waits")

	_, _, err := rest(t, held)
	require.Error(t, err)
}

// slowReaders, who hold what takes its time, take no turns from other routes.
func slowReaders(t *testing.T, program string) {
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=3")
	hold(t, server)

	response, _ := testkit.Ask(t, server.URL+"/swagger/swagger-ui-bundle.js")
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "half of 3 is one")

	for range 10 {
		response, body := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
		assert.Equal(t, http.StatusOK, response.StatusCode, body)
	}
}

// slowBodies fill neither the turns nor the connections of others.
func slowBodies(t *testing.T, program string) {
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=2")

	for range 50 {
		open(t, server.URL, "POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	}

	for range 10 {
		response, body := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
		assert.Equal(t, http.StatusOK, response.StatusCode, body)
	}
}

func moreConnectionsThanAllowed(t *testing.T, program string) {
	server := testkit.Start(t, program, "MAX_CONNECTIONS=10")

	for range 50 {
		open(t, server.URL, "GET /api/echo?text=12:22 HTTP/1.1\r\nHost: ")
	}

	response, body := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	assert.Equal(t, http.StatusOK, response.StatusCode, body)

	_, exposition := testkit.Ask(t, server.AdminURL+"/metrics")
	assert.Regexp(t, `http_connections_shed_total\{how="evicted"\} [1-9]`, exposition)
	assert.Regexp(t, `\nhttp_connections ([0-9]|10)\n`, exposition)
}

// open connects and sends a text.
func open(t *testing.T, url, text string) net.Conn {
	t.Helper()

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(testkit.Patience)))

	_, err = fmt.Fprint(connection, text)
	require.NoError(t, err)

	return connection
}

// shortTimeouts: on a kept connection, each answer has its own deadline.
func shortTimeouts(t *testing.T, program string) {
	server := testkit.Start(t, program, "REQUEST_TIMEOUT=100ms")
	connection := open(t, server.URL, "")
	reader := bufio.NewReader(connection)

	for range 12 {
		_, err := fmt.Fprint(connection, "GET /api/echo?text=12:22 HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)

		response, err := http.ReadResponse(reader, nil)
		require.NoError(t, err, "an answer is lost")

		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode)
		time.Sleep(70 * time.Millisecond) // together longer than any deadline of the first request
	}
}
