package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveOn serves an API as the program does, and returns its address.
func serveOn(t *testing.T, api *API, timeout time.Duration) string {
	t.Helper()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	server := &http.Server{
		Handler: api, ConnState: api.ConnState, DisableGeneralOptionsHandler: true,
		MaxHeaderBytes: 16 << 10, ReadTimeout: timeout, IdleTimeout: timeout,
	}

	go func() { _ = server.Serve(api.Listener(listener)) }() // Close ends it

	t.Cleanup(func() { _ = server.Close() })

	return listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(30*time.Second)))

	return connection
}

func TestOnlyRefusalsAreRewritten(t *testing.T) {
	t.Parallel()

	const text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

	assert.Equal(t, http.StatusBadRequest, refused([]byte(text)))
	assert.Zero(t, refused([]byte(strings.Replace(text, "Connection", "Date: now\r\nConnection", 1))), "a handler's answer has a date")
	assert.Zero(t, refused([]byte(text+strings.Repeat("x", 256))))
	assert.Zero(t, refused([]byte("XTTP/1.1 abc\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")))
	assert.Zero(t, refused(nil))
}

// exchange sends a text, and returns all that comes back until the server closes the connection.
func exchange(t *testing.T, address, text string) string {
	t.Helper()

	connection := dial(t, address)

	_, err := io.WriteString(connection, text)
	require.NoError(t, err)

	answer, err := io.ReadAll(connection)
	if len(answer) == 0 || !errors.Is(err, syscall.ECONNRESET) { // a reset follows where the request was not read to its end
		require.NoError(t, err, "the server should close the connection; it sent %q", answer)
	}

	return string(answer)
}

func TestEveryAnswerHasAnIDALineAndACountEvenToWhatIsNoRequest(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"no HTTP":               {"hello\r\n\r\n", 400},
		"no host":               {"GET / HTTP/1.1\r\n\r\n", 400},
		"another version":       {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
		"unknown coding":        {"POST /api/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n", 501},
		"headers too large":     {"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", 431},
		"another expectation":   {"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
		"options of the server": {"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 204},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var log syncBuffer

			api := newAPI(t, &log)
			answer := exchange(t, serveOn(t, api, time.Minute), test.request)

			response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
			require.NoError(t, err, answer)
			assert.Equal(t, test.status, response.StatusCode)

			id := response.Header.Get(requestIDHeader)
			assert.NotEmpty(t, id)

			if test.status >= http.StatusBadRequest {
				var problem Problem
				require.NoError(t, json.NewDecoder(response.Body).Decode(&problem))
				assert.Equal(t, id, problem.RequestID)
				assert.Equal(t, problemType, response.Header.Get("Content-Type"))
			}

			assert.Contains(t, log.String(), `"request_id":"`+id+`"`)
			assert.Contains(t, log.String(), `"status":`+strconv.Itoa(test.status))
			assert.Contains(t, log.String(), `"client":"127.0.0.1"`)
			assert.Contains(t, exposition(t, api), `status="`+strconv.Itoa(test.status)+`"} 1`)
		})
	}
}

// exposition returns the metrics.
func exposition(t *testing.T, api *API) string {
	t.Helper()

	answer := httptest.NewRecorder()
	api.options.Metrics.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))

	return answer.Body.String()
}

func TestAConnectionIsClosedWhereTheEndOfARequestIsInDoubt(t *testing.T) {
	t.Parallel()

	const fields = "Host: x\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"

	address := serveOn(t, newAPI(t, new(syncBuffer)), time.Minute)

	for name, request := range map[string]string{
		"length and chunks":       "POST /api/echo HTTP/1.1\r\n" + fields + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks in HTTP/1.0":      "POST /api/echo HTTP/1.0\r\n" + fields + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"a body where none is":    "GET /api/echo?text=foo HTTP/1.1\r\n" + fields + "Content-Length: 3\r\n\r\nabc",
		"such a body never comes": "GET /swagger/doc.json HTTP/1.1\r\n" + fields + "Content-Length: 3\r\n\r\na",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			started := time.Now()
			answer := exchange(t, address, request)
			assert.Less(t, time.Since(started), 20*time.Second)
			assert.Contains(t, answer, "\r\nConnection: close\r\n")
			assert.Equal(t, 1, strings.Count(answer, "HTTP/1."))
		})
	}
}

func TestWithoutRoomTheConnectionThatHasWaitedLongestIsClosed(t *testing.T) {
	t.Parallel()

	api := newAPI(t, new(syncBuffer))
	address := serveOn(t, api, time.Minute)

	waiting := make([]net.Conn, api.options.Budget.Connections)
	for i := range waiting {
		waiting[i] = dial(t, address)

		_, err := io.WriteString(waiting[i], "GET /livez HTTP/1.1\r\nHost: ")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return api.connections.count() == i+1 }, 10*time.Second, time.Millisecond)
	}

	answer := exchange(t, address, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Contains(t, answer, "200 OK")

	_, err := waiting[0].Read(make([]byte, 1))
	require.Error(t, err, "the first was closed")

	_, err = io.WriteString(waiting[1], "x\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)

	left, err := io.ReadAll(waiting[1])
	require.NoError(t, err)
	assert.Contains(t, string(left), "200 OK", "the others were not")
	assert.Contains(t, exposition(t, api), `http_connections_shed_total{how="evicted"} 1`)
}

func TestWithoutRoomAndAllAtWorkANewConnectionIsRefused(t *testing.T) {
	t.Parallel()

	var log syncBuffer

	api := newAPI(t, &log)
	address := serveOn(t, api, time.Minute)
	release := make(chan struct{})
	entered := make(chan struct{})

	api.engine.GET("/wait", func(*gin.Context) { entered <- struct{}{}; <-release })
	t.Cleanup(func() { close(release) })

	for range api.options.Budget.Connections {
		_, err := io.WriteString(dial(t, address), "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		<-entered
	}

	answer, err := io.ReadAll(dial(t, address))
	require.NoError(t, err)
	assert.Contains(t, string(answer), "HTTP/1.1 503 Service Unavailable")
	assert.Contains(t, string(answer), "too many connections at a time")
	assert.Contains(t, log.String(), `"status":503`)
	assert.Contains(t, exposition(t, api), `http_connections_shed_total{how="refused"} 1`)
}

func TestAnIdleConnectionIsClosedInTime(t *testing.T) {
	t.Parallel()

	address := serveOn(t, newAPI(t, new(syncBuffer)), 50*time.Millisecond)
	assert.Contains(t, exchange(t, address, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), "200 OK")
}
