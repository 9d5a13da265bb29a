package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestContract starts the server that its subtests share. What the path asks of any container stays when a service takes the place of
// this one; what this service does for all its endpoints, and each example, goes with it.
func TestContract(t *testing.T) {
	base(t)

	for part, tests := range map[string]map[string]func(*testing.T){
		"Path": {"Ready": ready, "Revision": revision},
		"Service": {
			"BadRequests": badRequests, "Methods": methods, "Head": head, "NotFound": notFound, "RequestID": requestID, "Health": health,
			"Probes": probes, "DebugHealth": debugHealth, "SwaggerUI": swaggerUI, "SwaggerDocument": swaggerDocument, "NothingTellsTheServer": nothingTellsTheServer,
		},
		"Clock":    {"EveryTime": everyTime, "KnownTimes": knownTimes, "BadTimes": badTimes, "Picture": picture, "Conditional": conditional, "Routes": clockRoutes},
		"Echo":     {"Echo": echo, "Body": echoBody},
		"Greeting": {"Greeting": greeting},
		"Shout":    {"Shout": shout, "Refusals": shoutRefusals},
	} {
		for name, test := range tests {
			t.Run(part+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// problem checks that an answer is an RFC 9457 problem of its status, and returns it.
func problem(t *testing.T, answer answer) map[string]any {
	t.Helper()
	assert.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
	assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))

	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &members), answer.body)
	assert.Equal(t, "about:blank", members["type"])
	assert.Equal(t, http.StatusText(answer.status), members["title"])
	assert.InDelta(t, answer.status, members["status"], 0)
	assert.NotEmpty(t, members["detail"])
	assert.Equal(t, answer.header.Get("X-Request-Id"), members["request_id"])

	return members
}

// badRequests are those that no handler ever sees. A load balancer may answer them itself, with another status that HTTP has for
// the mistake; the program itself answers with the first.
func badRequests(t *testing.T) {
	const tooLong, tooLarge, bad = http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge, http.StatusBadRequest

	for name, test := range map[string]struct {
		request  string
		statuses []int
	}{
		"a query of 2 MB":     {"GET /api/echo?text=" + strings.Repeat("1", 2<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{tooLarge, tooLong, bad}},
		"a header of 20 KiB":  {"GET /api/echo HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", []int{tooLarge, bad}},
		"a control character": {"GET /api/echo?text=12:\x0122 HTTP/1.1\r\nHost: x\r\n\r\n", []int{bad}},
		"a space":             {"GET /api/echo?text=12: 22 HTTP/1.1\r\nHost: x\r\n\r\n", []int{bad}},
		"no host":             {"GET /api/echo?text=foo HTTP/1.1\r\n\r\n", []int{bad}},
		"two lengths":         {"GET /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", []int{bad}},
		"nothing of HTTP":     {"hello\r\n\r\n", []int{bad}},
	} {
		answer := askRaw(t, test.request)

		if !deployed() {
			assert.Equal(t, test.statuses[0], answer.status, name)
			problem(t, answer)
		}

		assert.Contains(t, test.statuses, answer.status, name)
	}
}

func methods(t *testing.T) {
	isReadOnly(t, "/health", "/livez", "/readyz", "/", "/swagger/", "/swagger/doc.json")
}

// isReadOnly checks that paths answer to GET and HEAD alone.
func isReadOnly(t *testing.T, paths ...string) {
	t.Helper()

	// What a load balancer may answer itself.
	unknown := []int{http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented}
	refusals := map[string][]int{"TRACE": {http.StatusMethodNotAllowed}, "PROPFIND": unknown, "get": unknown, "X-ANY": unknown}

	for _, path := range paths {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X-ANY"} {
			answer := ask(t, method, path)
			if refused(answer, refusals[method]...) {
				continue
			}

			assert.Equal(t, http.StatusMethodNotAllowed, answer.status, "%s %s", method, path)
			assert.Equal(t, "GET, HEAD", answer.header.Get("Allow"), "%s %s", method, path)
			problem(t, answer)
		}
	}
}

func head(t *testing.T) {
	hasHead(t, "/api/echo?text=foo", "/api/echo", "/health", "/livez", "/readyz", "/", "/nothing",
		"/swagger/", "/swagger/doc.json", "/swagger/swagger-ui-bundle.js", "/swagger/nothing")
}

// hasHead checks that paths answer HEAD as GET, without a body.
func hasHead(t *testing.T, paths ...string) {
	t.Helper()

	for _, path := range paths {
		with, without := ask(t, http.MethodGet, path), ask(t, http.MethodHead, path)
		assert.Equal(t, with.status, without.status, path)
		assert.Empty(t, without.body, path)
		assert.Equal(t, with.header.Get("Content-Type"), without.header.Get("Content-Type"), path)
		assert.Equal(t, with.header.Get("Etag"), without.header.Get("Etag"), path)

		if path != "/health" && path != "/" { // its uptime grows meanwhile; a redirect has no body to measure
			assert.Equal(t, with.header.Get("Content-Length"), without.header.Get("Content-Length"), path)
		}
	}
}

func notFound(t *testing.T) {
	isNotFound(t, "/nothing", "/api", "/api/echo/", "/api/Echo", "//api/echo", "/api/echo/foo", "/%2e%2e/api/echo", "/metrics", "/debug/pprof/",
		"/swagger/nothing", "/swagger/../echo2")
}

func isNotFound(t *testing.T, paths ...string) {
	t.Helper()

	for _, path := range paths {
		answer := ask(t, http.MethodGet, path)
		assert.Equal(t, http.StatusNotFound, answer.status, path)
		problem(t, answer)
	}
}

func requestID(t *testing.T) {
	for _, sane := range []string{"a", "7f0d-42", strings.Repeat("x", 128), "Root=1-67891233-abcdef012345678912345678"} {
		for _, path := range []string{"/api/echo?text=foo", "/nothing"} {
			assert.Equal(t, sane, ask(t, http.MethodGet, path, "X-Request-Id: "+sane).header.Get("X-Request-Id"))
		}
	}

	seen := map[string]bool{}

	for _, insane := range []string{"", strings.Repeat("x", 129), "a b", "é", `"`, `\`, "\x7f"} {
		request := "GET /api/echo?text=foo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: " + insane + "\r\n\r\n"
		if insane == "\x7f" {
			continue // net/http answers 400 by itself
		}

		answer := askRaw(t, request)
		if insane == "é" && refused(answer, http.StatusBadRequest) {
			continue // a load balancer may take header fields in ASCII only
		}

		made := answer.header.Get("X-Request-Id")
		assert.Regexp(t, `^[0-9a-z]{20}$`, made, "%q", insane)
		assert.False(t, seen[made], "an id is used once")
		seen[made] = true
	}

	twice := ask(t, http.MethodGet, "/livez", "X-Request-Id: a", "X-Request-Id: b").header.Get("X-Request-Id")
	assert.Len(t, twice, 20)
}

func health(t *testing.T) {
	answer := ask(t, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, answer.status)
	assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))

	var members map[string]string
	require.NoError(t, json.Unmarshal([]byte(answer.body), &members))
	assert.Equal(t, "UP", members["status"])
	assert.Regexp(t, `^(\d+ (day|hour|minute|second)s?(, | and )?)+$`, members["uptime"])

	for _, name := range []string{"service", "version", "revision", "hostname"} {
		assert.NotEmpty(t, members[name], name)
	}

	at, err := time.Parse(time.RFC3339, members["timestamp"])
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), at, time.Minute)

	if !deployed() {
		assert.Equal(t, "1.2.3", members["version"])
		assert.Equal(t, "Ada", members["nama"])
		assert.Equal(t, "5025", members["nrp"])
	}
}

func probes(t *testing.T) {
	for _, path := range []string{"/livez", "/readyz"} {
		answer := ask(t, http.MethodGet, path)
		assert.Equal(t, "ok", answer.body)
		assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	}
}

func swaggerUI(t *testing.T) {
	for _, path := range []string{"/", "/swagger"} {
		answer := ask(t, http.MethodGet, path)
		assert.Equal(t, http.StatusFound, answer.status)
		assert.Equal(t, "/swagger/", answer.header.Get("Location"))
	}

	wire := 0

	for _, file := range []string{
		"", "index.css", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js",
		"favicon-16x16.png", "favicon-32x32.png", "doc.json",
	} {
		path := "/swagger/" + file
		plain, compressed := ask(t, http.MethodGet, path), ask(t, http.MethodGet, path, "Accept-Encoding: br, gzip;q=0.8")
		require.Equal(t, http.StatusOK, plain.status, path)
		assert.Equal(t, "gzip", compressed.header.Get("Content-Encoding"), path)
		assert.Empty(t, plain.header.Get("Content-Encoding"), path)
		assert.Equal(t, "Accept-Encoding", plain.header.Get("Vary"), path)
		assert.NotEqual(t, plain.header.Get("Etag"), compressed.header.Get("Etag"), path)

		policy := plain.header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "script-src 'self';", path)
		assert.Contains(t, policy, "default-src 'none';", path)

		for _, refused := range []string{"gzip;q=0", "gzip; q=0.0", "br", ""} {
			assert.Empty(t, ask(t, http.MethodGet, path, "Accept-Encoding: "+refused).header.Get("Content-Encoding"), refused)
		}

		again := ask(t, http.MethodGet, path, "Accept-Encoding: gzip", "If-None-Match: "+compressed.header.Get("Etag"))
		assert.Equal(t, http.StatusNotModified, again.status, path)

		reader, err := gzip.NewReader(bytes.NewReader([]byte(compressed.body)))
		require.NoError(t, err, path)

		unpacked, err := io.ReadAll(reader)
		require.NoError(t, err, path)
		assert.Equal(t, plain.body, string(unpacked), path)
		assert.NotContains(t, plain.body, "</script><script>", path)

		wire += len(compressed.body)
	}

	assert.Less(t, wire, 500_000, "bytes on the wire for the whole page")
	assert.Equal(t, http.StatusNotFound, ask(t, http.MethodGet, "/swagger/swagger-ui-bundle.js.map").status)
}

func swaggerDocument(t *testing.T) {
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(ask(t, http.MethodGet, "/swagger/doc.json").body), &document))
	assert.NotContains(t, document, "host", "it must work behind any load balancer")
	assert.NotContains(t, document, "schemes", "it must work behind any load balancer")

	isDocumented(t, "/health", "/livez", "/readyz", "/-/health", "/api/echo")
}

// isDocumented checks that the API document has GET and HEAD of paths.
func isDocumented(t *testing.T, paths ...string) {
	t.Helper()

	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal([]byte(ask(t, http.MethodGet, "/swagger/doc.json").body), &document))

	for _, path := range paths {
		operations := document.Paths[path]
		assert.Contains(t, operations, "get", path)
		assert.Contains(t, operations, "head", path)
	}
}

func nothingTellsTheServer(t *testing.T) {
	for _, path := range []string{"/api/echo?text=foo", "/nothing", "/health", "/swagger/"} {
		answer := ask(t, http.MethodGet, path)
		assert.Equal(t, "nosniff", answer.header.Get("X-Content-Type-Options"), path)

		if !deployed() {
			assert.Empty(t, answer.header.Get("Server"), path)
			assert.Empty(t, answer.header.Get("X-Powered-By"), path)
		}
	}
}

func debugHealth(t *testing.T) {
	answer := ask(t, http.MethodGet, "/-/health")
	assert.Equal(t, http.StatusOK, answer.status)

	var health struct {
		Status string `json:"status"`
		Debug  struct {
			Hostname string `json:"hostname"`
			IP       string `json:"ip"`
		} `json:"debug"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer.body), &health))
	assert.Equal(t, "ok", health.Status)
	assert.NotEmpty(t, health.Debug.Hostname)
	assert.NotNil(t, net.ParseIP(health.Debug.IP), health.Debug.IP)
	assert.Equal(t, http.StatusOK, ask(t, http.MethodHead, "/-/health").status)
}
