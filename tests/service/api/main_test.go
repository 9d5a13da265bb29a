// Package api_test holds the HTTP contract against what runs at CLOCKMIRROR_URL, or else against the program, built and
// started here.
package api_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// target is the server that all tests of this package share.
var target struct { //nolint:gochecknoglobals // tests have no other way to share
	once sync.Once
	url  string
}

func TestMain(m *testing.M) {
	target.url = strings.TrimSuffix(os.Getenv("CLOCKMIRROR_URL"), "/")

	m.Run()
}

// base returns the URL under test, without a slash at the end. The top-level test that asks first keeps the program
// running, so tests are subtests of TestContract.
func base(tb testing.TB) string {
	tb.Helper()
	target.once.Do(func() {
		if target.url == "" {
			target.url = testkit.Start(tb, testkit.Build(tb, true), "HEALTH_LABELS=nama=Ada,nrp=5025").URL
		}
	})

	return target.url
}

// deployed tells whether a deployment is tested, whose load balancer answers some requests itself.
func deployed() bool { return os.Getenv("CLOCKMIRROR_URL") != "" }

// refused tells whether a load balancer has answered, with one of the statuses that it may answer with instead of the service.
func refused(answer answer, statuses ...int) bool {
	return deployed() && slices.Contains(statuses, answer.status) && answer.header.Get("Content-Type") != "application/problem+json"
}

// always is a header field that each request carries, as "Name: value": with it, a load balancer asks the one box.
func always() string { return os.Getenv("CLOCKMIRROR_HEADER") }

const typeJSON = "Content-Type: application/json"

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request without a body; header fields come as "Name: value".
func ask(tb testing.TB, method, pathAndQuery string, fields ...string) answer {
	tb.Helper()

	return send(tb, method, pathAndQuery, http.NoBody, fields)
}

// post sends a body; header fields come as "Name: value".
func post(tb testing.TB, path, body string, fields ...string) answer {
	tb.Helper()

	return send(tb, http.MethodPost, path, strings.NewReader(body), fields)
}

func send(tb testing.TB, method, pathAndQuery string, body io.Reader, fields []string) answer {
	tb.Helper()

	request, err := http.NewRequestWithContext(tb.Context(), method, base(tb)+pathAndQuery, body)
	require.NoError(tb, err)

	if field := always(); field != "" {
		fields = append(fields, field)
	}

	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Add(name, value)
	}

	client := http.Client{
		Timeout:       testkit.Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	}

	response, err := client.Do(request)
	require.NoError(tb, err)

	content, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	require.NoError(tb, response.Body.Close())

	return answer{response.StatusCode, response.Header, string(content)}
}

// dial connects to a URL's host, at the scheme's port unless the URL has one.
func dial(ctx context.Context, to *url.URL) (net.Conn, error) {
	if to.Scheme == "https" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), "443")))
	}

	return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(to.Hostname(), cmp.Or(to.Port(), "80")))
}

// askRaw sends bytes that net/http's client would refuse to send.
func askRaw(tb testing.TB, request string) answer {
	tb.Helper()

	address, err := url.Parse(base(tb))
	require.NoError(tb, err)

	connection, err := dial(tb.Context(), address)
	require.NoError(tb, err)

	defer connection.Close()

	require.NoError(tb, connection.SetDeadline(time.Now().Add(testkit.Patience)))

	if field := always(); field != "" {
		request = strings.Replace(request, "\r\n", "\r\n"+field+"\r\n", 1)
	}

	written := make(chan error, 1)

	go func() {
		_, err := fmt.Fprint(connection, request)
		written <- err // a server may refuse, and close, before it has read everything
	}()

	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(tb, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	require.NoError(tb, response.Body.Close())

	return answer{response.StatusCode, response.Header, string(body)}
}
