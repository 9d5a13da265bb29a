// Package program_test holds what the program does as a process: its settings, exit codes, logs, metrics and traces, and
// how it takes overload and ends.
package program_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// TestProgram builds the program once, with the race detector, for all its subtests.
func TestProgram(t *testing.T) {
	program := testkit.Build(t, true)

	for name, test := range map[string]func(*testing.T, string){
		"DrainThenStop": drainThenStop, "SecondSignalEndsAtOnce": secondSignalEndsAtOnce, "RequestsInFlightEnd": requestsInFlightEnd,
		"RequestsThatNeverEndAreCut": requestsThatNeverEndAreCut, "Overload": overload, "WrongSettings": wrongSettings,
		"PortInUse": portInUse, "Healthcheck": healthcheck, "Version": version, "Usage": usage, "Log": log, "ReadmeHasTheSettings": readmeHasTheSettings,
		"ClientBehindProxies": clientBehindProxies, "Metrics": metrics, "Profiles": profiles, "Traces": traces,
		"NoTraceWithoutSampling": noTraceWithoutSampling, "LostSpansAreNoFailure": lostSpansAreNoFailure,
		"SlowHeaders": slowHeaders, "SlowReader": slowReader,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, program)
		})
	}
}

// get returns the status and the body of a GET.
func get(t *testing.T, url string, fields ...string) (*http.Response, string) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)

	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Add(name, value)
	}

	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	return response, string(body)
}

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

func drainThenStop(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=2s")
	response, _ := get(t, server.URL+"/clock?mirror_time=12:22")
	assert.False(t, response.Close)

	signalled := time.Now()

	server.Terminate(t)
	testkit.Eventually(t, func() error {
		if response, _ := get(t, server.URL+"/readyz"); response.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("/readyz answers %s", response.Status)
		}

		return nil
	})

	// Everything but /readyz goes on, and asks clients to come back elsewhere.
	for _, path := range []string{"/clock?mirror_time=12:22", "/livez", "/health"} {
		response, _ = get(t, server.URL+path)
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
	testkit.Eventually(t, func() error {
		if response, _ := get(t, server.URL+"/readyz"); response.StatusCode != http.StatusServiceUnavailable {
			return errors.New("not draining yet")
		}

		return nil
	})
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

func overload(t *testing.T, program string) {
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=2")
	first, second := hold(t, server), hold(t, server)

	asked := time.Now()
	response, body := get(t, server.URL+"/clock?mirror_time=12:22")
	assert.Less(t, time.Since(asked), 5*time.Second, "refused, not queued")
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Equal(t, "1", response.Header.Get("Retry-After"))
	assert.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
	assert.Contains(t, body, "too many requests at a time")

	for _, probe := range []string{"/livez", "/readyz", "/health"} {
		response, _ = get(t, server.URL+probe)
		assert.Equal(t, http.StatusOK, response.StatusCode, "a busy server is not a dead one: %s", probe)
	}

	_, exposition := get(t, server.AdminURL+"/metrics")
	assert.Contains(t, exposition, "http_requests_in_flight 2")
	assert.Contains(t, exposition, `http_requests_total{method="GET",route="/clock",status="503"} 1`)

	for _, connection := range []net.Conn{first, second} {
		_, _, err := rest(t, connection)
		require.NoError(t, err)
	}

	testkit.Eventually(t, func() error {
		if response, _ := get(t, server.URL+"/clock?mirror_time=12:22"); response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}

		return nil
	})
}

// run runs the program to its end.
func run(t *testing.T, program string, environ []string, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()

	var out, err strings.Builder

	command := exec.CommandContext(ctx, program, arguments...)
	command.Env, command.Stdout, command.Stderr = environ, &out, &err
	_ = command.Run() // the exit code tells

	return command.ProcessState.ExitCode(), out.String(), err.String()
}

func wrongSettings(t *testing.T, program string) {
	code, stdout, stderr := run(t, program, []string{"PORT=x", "MAX_IN_FLIGHT=0", "DRAIN_DELAY=soon"})
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Equal(t, `PORT: "x" is not allowed; it must be a TCP port, 1 to 65535
DRAIN_DELAY: "soon" is not allowed; it must be a duration from 0s to 5m, such as 10s
MAX_IN_FLIGHT: "0" is not allowed; it must be a number from 1 to 1000000
`, stderr)
}

func portInUse(t *testing.T, program string) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)

	defer listener.Close()

	taken, free := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), strconv.Itoa(testkit.FreePort(t))

	for _, environ := range [][]string{{"PORT=" + taken, "ADMIN_PORT=" + free}, {"PORT=" + free, "ADMIN_PORT=" + taken}} {
		code, _, stderr := run(t, program, environ)
		assert.Equal(t, 1, code)
		assert.Regexp(t, `^clockmirror: open (ADMIN_)?PORT `+taken+`: .*address already in use; stop what uses it, or choose another (ADMIN_)?PORT\n$`, stderr)
	}
}

func healthcheck(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=1m")
	port := "PORT=" + server.URL[strings.LastIndexByte(server.URL, ':')+1:]

	code, _, stderr := run(t, program, []string{port}, "healthcheck")
	assert.Zero(t, code, stderr)

	code, _, stderr = run(t, program, nil, "healthcheck", server.URL+"/livez", server.URL+"/clock?mirror_time=12:22")
	assert.Zero(t, code, stderr)

	code, _, stderr = run(t, program, nil, "healthcheck", server.URL+"/livez", server.URL+"/greeting")
	assert.Equal(t, 1, code)
	assert.Equal(t, "clockmirror: not healthy: "+server.URL+"/greeting answers 404 Not Found\n", stderr)

	server.Terminate(t)
	testkit.Eventually(t, func() error {
		code, _, stderr = run(t, program, []string{port}, "healthcheck")
		if code == 0 {
			return errors.New("still healthy")
		}

		return nil
	})
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "answers 503")

	code, _, stderr = run(t, program, []string{"PORT=" + strconv.Itoa(testkit.FreePort(t))}, "healthcheck")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "connection refused")
}

func version(t *testing.T, program string) {
	code, stdout, _ := run(t, program, nil, "version")
	assert.Zero(t, code)
	assert.Equal(t, "clockmirror 1.2.3, revision abc of unknown\n", stdout)
}

func usage(t *testing.T, program string) {
	for _, arguments := range [][]string{{"start"}, {"--help"}, {"serve", "now"}} {
		code, stdout, stderr := run(t, program, nil, arguments...)
		assert.Equal(t, 2, code)
		assert.Empty(t, stdout)
		assert.Equal(t, "usage: clockmirror [serve | healthcheck [URL…] | version]\n", stderr)
	}
}

// lines waits until as many requests are logged, and returns them.
func lines(t *testing.T, server *testkit.Server, count int) []map[string]any {
	t.Helper()

	var found []map[string]any

	testkit.Eventually(t, func() error {
		found = nil

		for line := range strings.Lines(server.Output()) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil {
				return fmt.Errorf("%q is not JSON: %w", line, err)
			}

			if members["msg"] == "request" && members["route"] != "/readyz" {
				found = append(found, members)
			}
		}

		if len(found) < count {
			return fmt.Errorf("%d of %d requests are logged", len(found), count)
		}

		return nil
	})

	return found
}

func log(t *testing.T, program string) {
	server := testkit.Start(t, program, "OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2")
	get(t, server.URL+"/clock?mirror_time=12:22", "X-Request-Id: one", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	get(t, server.URL+"/clock?mirror_time=13:20", "X-Request-Id: two", "X-Forwarded-For: 203.0.113.9")
	get(t, server.URL+"/secret/path?password=hunter2", "X-Request-Id: three")

	found := lines(t, server, 3)
	require.Len(t, found, 3, "one line a request")

	for i, wanted := range []map[string]any{
		{"request_id": "one", "method": "GET", "route": "/clock", "status": 200.0, "bytes": 45.0, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
		{"request_id": "two", "method": "GET", "route": "/clock", "status": 400.0},
		{"request_id": "three", "method": "GET", "route": "unmatched", "status": 404.0},
	} {
		for name, value := range wanted {
			assert.Equal(t, value, found[i][name], name)
		}

		assert.Equal(t, "127.0.0.1", found[i]["client"], "nobody's X-Forwarded-For is believed unasked")
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

// readmeHasTheSettings compares the README's table with what the program says of its settings when it starts.
func readmeHasTheSettings(t *testing.T, program string) {
	server := testkit.Start(t, program)

	var start struct {
		Config map[string]string `json:"config"`
	}

	testkit.Eventually(t, func() error {
		return json.NewDecoder(strings.NewReader(server.Output())).Decode(&start)
	})

	readme, err := os.ReadFile(filepath.Join(testkit.Root(t), "README.md"))
	require.NoError(t, err)

	defaults := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| `?([^`|]*?)`? \\|").FindAllStringSubmatch(string(readme), -1) {
		defaults[row[1]] = strings.TrimSpace(row[2])
	}

	for _, changed := range []string{"PORT", "ADMIN_PORT", "DRAIN_DELAY"} { // by Start
		assert.Contains(t, defaults, changed)
		assert.Contains(t, start.Config, changed)
		delete(defaults, changed)
		delete(start.Config, changed)
	}

	for _, variable := range []string{"GREETINGS", "SHOUT_CACHE_TTL"} { // the log shows the value, not its text
		assert.Contains(t, defaults, variable)
		delete(defaults, variable)
		delete(start.Config, variable)
	}

	start.Config["LOG_LEVEL"] = strings.ToLower(start.Config["LOG_LEVEL"])
	assert.Equal(t, start.Config, defaults)
}

func clientBehindProxies(t *testing.T, program string) {
	server := testkit.Start(t, program, "TRUSTED_PROXIES=127.0.0.0/8,10.0.0.0/16")
	get(t, server.URL+"/clock?mirror_time=12:22", "X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.1.2")
	get(t, server.URL+"/clock?mirror_time=12:22", "X-Forwarded-For: <script>")

	found := lines(t, server, 2)
	assert.Equal(t, "203.0.113.9", found[0]["client"], "the last address that no trusted proxy has")
	assert.Equal(t, "127.0.0.1", found[1]["client"])
}

func metrics(t *testing.T, program string) {
	server := testkit.Start(t, program)

	for range 3 {
		get(t, server.URL+"/clock?mirror_time=12:22")
	}

	get(t, server.URL+"/clock")

	for i := range 20 {
		get(t, server.URL+"/nothing/"+strconv.Itoa(i))

		request, err := http.NewRequestWithContext(t.Context(), fmt.Sprintf("METHOD%d", i), server.URL+"/clock", http.NoBody)
		require.NoError(t, err)

		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}

	_, exposition := get(t, server.AdminURL+"/metrics")
	for _, sample := range []string{
		`http_requests_total{method="GET",route="/clock",status="200"} 3`,
		`http_requests_total{method="GET",route="/clock",status="400"} 1`,
		`http_requests_total{method="GET",route="unmatched",status="404"} 20`,
		`http_requests_total{method="OTHER",route="unmatched",status="405"} 20`,
		`http_request_duration_seconds_count{method="GET",route="/clock",status="200"} 3`,
		`http_request_duration_seconds_bucket{method="GET",route="/clock",status="200",le="+Inf"} 3`,
		"http_requests_in_flight 0",
	} {
		assert.Contains(t, exposition, sample+"\n")
	}

	assert.Regexp(t, `clockmirror_build_info\{created="unknown",goversion="go[^"]+",revision="abc",version="1.2.3"\} 1\n`, exposition)
	assert.Regexp(t, `\ngo_goroutines \d+\n`, exposition)
	assert.Regexp(t, `\nprocess_resident_memory_bytes `, exposition)

	response, _ := get(t, server.URL+"/metrics")
	assert.Equal(t, http.StatusNotFound, response.StatusCode, "the world must not see them")
}

func profiles(t *testing.T, program string) {
	server := testkit.Start(t, program)

	for _, profile := range []string{"", "heap?debug=1", "goroutine?debug=1", "cmdline"} {
		response, body := get(t, server.AdminURL+"/debug/pprof/"+profile)
		assert.Equal(t, http.StatusOK, response.StatusCode, profile)
		assert.NotEmpty(t, body, profile)
	}

	response, _ := get(t, server.URL+"/debug/pprof/")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}

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
		"OTEL_EXPORTER_OTLP_ENDPOINT="+sink.URL+"/base", "OTEL_EXPORTER_OTLP_HEADERS=authorization=key", "OTEL_SERVICE_NAME=mirror")
	get(t, server.URL+"/clock?mirror_time=12:22", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	get(t, server.URL+"/clock?mirror_time=12:22")

	found := lines(t, server, 2)
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", found[0]["trace_id"])
	assert.Regexp(t, `^[0-9a-f]{32}$`, found[1]["trace_id"], "without a parent a new trace")

	server.Terminate(t)
	require.Zero(t, server.ExitCode(t), "and the spans are sent before the end")

	sent := strings.Join(sink.taken(), "\n")
	assert.Contains(t, sent, "/base/v1/traces key ")
	assert.Contains(t, sent, "GET /clock")
	assert.Contains(t, sent, "mirror")
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
		get(t, server.URL+"/clock?mirror_time=12:22", test.parent)
		server.Terminate(t)
		require.Zero(t, server.ExitCode(t))
		assert.Empty(t, sink.taken(), name)
	}
}

func lostSpansAreNoFailure(t *testing.T, program string) {
	server := testkit.Start(t, program, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:"+strconv.Itoa(testkit.FreePort(t)))
	get(t, server.URL+"/clock?mirror_time=12:22")
	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t))
	assert.Contains(t, server.Output(), "spans were lost")
}

func slowHeaders(t *testing.T, program string) {
	server := testkit.Start(t, program, "REQUEST_TIMEOUT=200ms")

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)

	defer connection.Close()

	_, err = fmt.Fprint(connection, "GET /clock?mirror_time=12:22 HTTP/1.1\r\nHost: x\r\n")
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(testkit.Patience)))

	left, err := io.ReadAll(connection)
	require.NoError(t, err, "the server closes the connection")
	assert.NotContains(t, string(left), "200 OK")
}

func slowReader(t *testing.T, program string) {
	server := testkit.Start(t, program, "REQUEST_TIMEOUT=500ms")
	held := hold(t, server)

	// Nothing is read for as long as the server waits; then it gives up, and says why in the log.
	testkit.Eventually(t, func() error {
		if !strings.Contains(server.Output(), "i/o timeout") {
			return errors.New("the server still waits")
		}

		return nil
	})

	_, _, err := rest(t, held)
	require.Error(t, err)
}
