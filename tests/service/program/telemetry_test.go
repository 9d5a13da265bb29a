package program_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func log(t *testing.T, program string) {
	server := testkit.Start(t, program, "OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2")
	testkit.Ask(t, server.URL+"/api/echo?text=12:22", "X-Request-Id: one", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	testkit.Ask(t, server.URL+"/api/echo", "X-Request-Id: two", "X-Forwarded-For: 203.0.113.9")
	testkit.Ask(t, server.URL+"/secret/path?password=hunter2", "X-Request-Id: three")

	found := lines(t, server, 3)
	require.Len(t, found, 3, "one line a request")

	for i, wanted := range []map[string]any{
		{"request_id": "one", "method": "GET", "route": "/api/echo", "status": 200.0, "bytes": 16.0, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
		{"request_id": "two", "method": "GET", "route": "/api/echo", "status": 400.0},
		{"request_id": "three", "method": "GET", "route": "unmatched", "status": 404.0},
	} {
		for name, value := range wanted {
			assert.Equal(t, value, found[i][name], name)
		}

		assert.Equal(t, "127.0.0.1", found[i]["client"], "X-Forwarded-For is ignored without TRUSTED_PROXIES")
		assert.Greater(t, found[i]["duration_ms"], 0.0)

		_, err := time.Parse(time.RFC3339Nano, found[i]["time"].(string))
		require.NoError(t, err)
	}

	output := server.Output()
	assert.NotContains(t, output, "hunter2")
	assert.NotContains(t, output, "/secret/path")
	assert.Contains(t, output, `"OTEL_EXPORTER_OTLP_HEADERS":"***"`)
	assert.Contains(t, output, `"MAX_IN_FLIGHT":"1024"`)
	assert.Contains(t, output, `"version":"1.2.3"`)
}

func clientBehindProxies(t *testing.T, program string) {
	server := testkit.Start(t, program, "TRUSTED_PROXIES=127.0.0.0/8,10.0.0.0/16")
	testkit.Ask(t, server.URL+"/api/echo?text=12:22", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.1.2")
	testkit.Ask(t, server.URL+"/api/echo?text=12:22", "X-Forwarded-For: <script>")

	found := lines(t, server, 2)
	assert.Equal(t, "203.0.113.9", found[0]["client"], "the last address that no trusted proxy has")
	assert.Equal(t, "127.0.0.1", found[1]["client"])
}

func metrics(t *testing.T, program string) {
	server := testkit.Start(t, program)

	for range 3 {
		testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	}

	testkit.Ask(t, server.URL+"/api/echo")

	for i := range 20 {
		testkit.Ask(t, server.URL+"/nothing/"+strconv.Itoa(i))

		request, err := http.NewRequestWithContext(t.Context(), fmt.Sprintf("METHOD%d", i), server.URL+"/api/echo", http.NoBody)
		require.NoError(t, err)

		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}

	_, exposition := testkit.Ask(t, server.AdminURL+"/metrics")
	for _, sample := range []string{
		`http_requests_total{method="GET",route="/api/echo",status="200"} 3`,
		`http_requests_total{method="GET",route="/api/echo",status="400"} 1`,
		`http_requests_total{method="GET",route="unmatched",status="404"} 20`,
		`http_requests_total{method="OTHER",route="unmatched",status="405"} 20`,
		`http_request_duration_seconds_count{method="GET",route="/api/echo",status="200"} 3`,
		`http_request_duration_seconds_bucket{method="GET",route="/api/echo",status="200",le="+Inf"} 3`,
		"http_requests_in_flight 0",
	} {
		assert.Contains(t, exposition, sample+"\n")
	}

	assert.Regexp(t, `clockmirror_build_info\{created="unknown",goversion="go[^"]+",revision="abc",version="1.2.3"\} 1\n`, exposition)
	assert.Regexp(t, `\ngo_goroutines \d+\n`, exposition)
	assert.Regexp(t, `\nprocess_resident_memory_bytes `, exposition)

	response, _ := testkit.Ask(t, server.URL+"/metrics")
	assert.Equal(t, http.StatusNotFound, response.StatusCode, "the world must not see them")
}

func profiles(t *testing.T, program string) {
	server := testkit.Start(t, program)

	for _, profile := range []string{"", "heap?debug=1", "goroutine?debug=1", "cmdline"} {
		response, body := testkit.Ask(t, server.AdminURL+"/debug/pprof/"+profile)
		assert.Equal(t, http.StatusOK, response.StatusCode, profile)
		assert.NotEmpty(t, body, profile)
	}

	response, _ := testkit.Ask(t, server.URL+"/debug/pprof/")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}
