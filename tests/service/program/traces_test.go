package program_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// collector takes spans over OTLP/HTTP and keeps what arrived.
type collector struct {
	*httptest.Server

	mutex    sync.Mutex
	requests []string // path, authorization and body
}

func newCollector(t *testing.T) *collector {
	t.Helper()

	var c collector

	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)

		c.mutex.Lock()
		defer c.mutex.Unlock()

		c.requests = append(c.requests, request.URL.Path+" "+request.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(c.Close)

	return &c
}

func (c *collector) taken() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	return c.requests
}

func traces(t *testing.T, program string) {
	sink := newCollector(t)
	server := testkit.Start(t, program,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+sink.URL+"/base", "OTEL_EXPORTER_OTLP_HEADERS=authorization=key", "OTEL_SERVICE_NAME=front")
	testkit.Ask(t, server.URL+"/api/echo?text=12:22", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	testkit.Ask(t, server.URL+"/api/echo?text=12:22")

	found := lines(t, server, 2)
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", found[0]["trace_id"])
	assert.Regexp(t, `^[0-9a-f]{32}$`, found[1]["trace_id"], "without a parent a new trace")

	server.Terminate(t)
	require.Zero(t, server.ExitCode(t), "and the spans are sent before the end")

	sent := strings.Join(sink.taken(), "\n")
	assert.Contains(t, sent, "/base/v1/traces key ")
	assert.Contains(t, sent, "GET /api/echo")
	assert.Contains(t, sent, "front")
	assert.Contains(t, sent, "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36", "the parent's trace goes on")
}

func noTraceWithoutSampling(t *testing.T, program string) {
	for name, test := range map[string]struct {
		environ []string
		parent  string
	}{
		"the parent is not sampled":     {nil, "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
		"none is":                       {[]string{"OTEL_TRACES_SAMPLER=always_off"}, "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"no root is":                    {[]string{"OTEL_TRACES_SAMPLER=parentbased_always_off"}, "X-None: 1"},
		"a share of nothing is nothing": {[]string{"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, "X-None: 1"},
	} {
		sink := newCollector(t)
		// The probes that Start sends have no parent: only the ratio keeps those out.
		environ := append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + sink.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0"}, test.environ...)
		server := testkit.Start(t, program, environ...)
		testkit.Ask(t, server.URL+"/api/echo?text=12:22", test.parent)
		server.Terminate(t)
		require.Zero(t, server.ExitCode(t))
		assert.Empty(t, sink.taken(), name)
	}
}

func lostSpansAreNoFailure(t *testing.T, program string) {
	server := testkit.Start(t, program, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:"+strconv.Itoa(testkit.FreePort(t)))
	testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t))
	assert.Contains(t, server.Output(), "spans were lost")
}
