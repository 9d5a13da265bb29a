package balancer_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What an ALB answers itself, the target does not see; the rest it sees as an ALB passes it on.
func TestAnswersAsAnALB(t *testing.T) {
	docker := testkit.Docker(t)
	require.NoError(t, proxy.BuildImage(t.Context(), docker.Engine))

	// The target tells the protocol that it hears of, and a field that it must not get.
	container := docker.Start(t, proxy.Image, "--tmpfs", "/run", "--env", "CERTIFICATE=", "--env", `CONFIGURATION=global
  tune.bufsize 131072
defaults
  mode http
  timeout client 30s
frontend target
  bind :8080
  http-request reject if { path /hang-up }
  http-request return status 200 hdr X-Target yes content-type text/plain lf-string "%[req.hdr(x-forwarded-proto)]%[req.hdr(x_bad)]"
`)
	address := net.JoinHostPort(start(t, docker, container, "").Address(), "80")

	header := func(size int) string { return "X-Long: " + strings.Repeat("x", size-len("X-Long: ")) + "\r\n" }
	line := func(size int) string {
		return "GET /?" + strings.Repeat("x", size-len("GET /? HTTP/1.1")) + " HTTP/1.1\r\nHost: x\r\n"
	}

	for name, test := range map[string]struct {
		request string
		status  int
		reaches bool
	}{
		"a request passes":                             {"GET / HTTP/1.1\r\nHost: x\r\n", 200, true},
		"TRACE is 405":                                 {"TRACE / HTTP/1.1\r\nHost: x\r\n", 405, false},
		"an unknown method is refused":                 {"BREW / HTTP/1.1\r\nHost: x\r\n", 400, false},
		"a query that can't be decoded is refused":     {"GET /?a=%zz HTTP/1.1\r\nHost: x\r\n", 400, false},
		"a query that ends within a code is refused":   {"GET /?a=%2 HTTP/1.1\r\nHost: x\r\n", 400, false},
		"a query with codes passes":                    {"GET /?a=%2f%C3%A4 HTTP/1.1\r\nHost: x\r\n", 200, true},
		"what is not HTTP is refused":                  {"hello\r\n", 400, false},
		"two lengths are refused":                      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400, false},
		"a request line of 16,000 bytes passes":        {line(16000), 200, true},
		"a request line over 16 K is refused":          {line(17000), 400, false},
		"a header field of 16,000 bytes passes":        {"GET / HTTP/1.1\r\nHost: x\r\n" + header(16000), 200, true},
		"a header field over 16 K is refused":          {"GET / HTTP/1.1\r\nHost: x\r\n" + header(17000), 400, false},
		"header fields of 62 K pass":                   {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat(header(15500), 4), 200, true},
		"header fields over 64 K are refused":          {"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat(header(15500), 5), 400, false},
		"a target that hangs up early is a 502":        {"GET /hang-up HTTP/1.1\r\nHost: x\r\n", 502, false},
		"a header field with an underscore is dropped": {"GET / HTTP/1.1\r\nHost: x\r\nX_Bad: y\r\n", 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := exchange(t, address, test.request+"Connection: close\r\n\r\n")
			assert.Equal(t, test.status, response.StatusCode)
			assert.Empty(t, response.Header.Get("Allow"))
			assert.Equal(t, test.reaches, response.Header.Get("X-Target") == "yes", "whether the target sees it")

			if test.reaches {
				assert.Equal(t, "http", body)
			}
		})
	}
}

func exchange(t *testing.T, address, request string) (*http.Response, string) {
	t.Helper()

	connection, err := (&net.Dialer{Timeout: testkit.Patience}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)

	defer connection.Close()

	require.NoError(t, connection.SetDeadline(time.Now().Add(testkit.Patience)))

	_, err = io.WriteString(connection, request)
	require.NoError(t, err)

	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	return response, string(body)
}
