package shout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// slack is what a machine that does much else may add to a deadline.
const slack = 3 * time.Second

func TestShout(t *testing.T) {
	t.Parallel()

	program := testkit.Build(t, true)

	for name, test := range map[string]func(*testing.T, string){
		"says whether an answer is from the cache":          cacheTells,
		"passes on the request id and the trace":            outgoingRequests,
		"asks the upstream once for identical requests":     identicalRequests,
		"answers each fault of the upstream with a problem": faults,
		"skips an upstream that keeps failing":              breaker,
		"answers from the cache when the upstream fails":    stale,
		"refuses a body that arrives too slowly":            slowBody,
		"serves many clients with an unreliable upstream":   manyWithAFlakyUpstream,
		"serves many clients while Redis stops":             manyWhileRedisStops,
		"serves many clients while Redis hangs":             manyWhileRedisHangs,
		"shares Redis between processes":                    redisIsShared,
		"ignores invalid values in Redis":                   redisWithRubbish,
	} {
		t.Run(name, func(t *testing.T) { test(t, program) }) // one after the other: some measure time
	}
}

// answer is a response, read to its end, with the time that it took.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// post shouts a text.
func post(ctx context.Context, client *http.Client, server *testkit.Server, text string, header ...string) (answer, error) {
	body, err := json.Marshal(map[string]string{"data": text})
	if err != nil {
		return answer{}, err
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/shout", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}

	request.Header.Set("Content-Type", "application/json")

	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}

	started := time.Now()

	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()

	content, err := io.ReadAll(response.Body)

	return answer{response.StatusCode, response.Header, string(content), time.Since(started)}, err
}

func shout(t *testing.T, server *testkit.Server, text string, header ...string) answer {
	t.Helper()

	got, err := post(t.Context(), http.DefaultClient, server, text, header...)
	require.NoError(t, err)

	return got
}

// metric returns the value of a series.
func metric(t *testing.T, server *testkit.Server, series string) float64 {
	t.Helper()

	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(testkit.Get(t, server.AdminURL+"/metrics"))
	require.NotNil(t, found, series)

	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)

	return value
}

func cacheTells(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)

	first := shout(t, server, "cafe\u0301 🇩🇪")
	assert.Equal(t, http.StatusOK, first.status)
	assert.JSONEq(t, "{\"data\":\"🇩🇪 E\u0301FAC\"}", first.body)
	assert.Equal(t, "miss", first.header.Get("X-Cache"))
	assert.Empty(t, first.header.Values("Age"))

	second := shout(t, server, "cafe\u0301 🇩🇪")
	assert.Equal(t, first.body, second.body)
	assert.Equal(t, "hit", second.header.Get("X-Cache"))
	assert.Equal(t, "0", second.header.Get("Age"))
	assert.Empty(t, second.header.Values("Warning"))

	total, _ := up.tries()
	assert.Equal(t, 1, total)
	assert.InDelta(t, 1, metric(t, server, `shout_answers_total{cache="hit"}`), 0)
	assert.InDelta(t, 1, metric(t, server, `shout_answers_total{cache="miss"}`), 0)
	assert.InDelta(t, 1, metric(t, server, `shout_upstream_tries_total{outcome="ok"}`), 0)

	uncached := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_CACHE_BYTES=0")
	shout(t, uncached, "x")
	assert.Equal(t, "miss", shout(t, uncached, "x").header.Get("X-Cache"))
}

func outgoingRequests(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)
	shout(t, server, "x", "X-Request-Id: some-id", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")

	assert.Equal(t, "some-id", up.last.Get("X-Request-Id"))
	assert.Regexp(t, "^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$", up.last.Get("Traceparent"))

	got := shout(t, server, "y")
	assert.Equal(t, got.header.Get("X-Request-Id"), up.last.Get("X-Request-Id"))
	assert.Empty(t, up.last.Values("Traceparent"), "this request has no trace")
}

func identicalRequests(t *testing.T, program string) {
	up := newUpstream(t, after(200*time.Millisecond))
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)

	var everyone sync.WaitGroup
	for range 100 {
		everyone.Go(func() {
			got, err := post(t.Context(), http.DefaultClient, server, "same")
			if assert.NoError(t, err) {
				assert.JSONEq(t, `{"data":"EMAS"}`, got.body)
			}
		})
	}

	everyone.Wait()

	total, _ := up.tries()
	assert.Equal(t, 1, total)
}

// assertProblem checks a failure, and that it was told in time.
func assertProblem(t *testing.T, got answer, status int, within time.Duration) {
	t.Helper()
	assert.Equal(t, status, got.status, got.body)
	assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	assert.NotContains(t, got.body, "127.0.0.1", "clients must not learn the upstream's address")
	assert.Less(t, got.took, within)

	var problem struct {
		Status int `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &problem), got.body)
	assert.Equal(t, status, problem.Status)
}

func faults(t *testing.T, program string) {
	for name, expected := range map[string]struct {
		fault         fault
		status, tries int
	}{
		"500":         {status(http.StatusInternalServerError), http.StatusBadGateway, 2},
		"503":         {status(http.StatusServiceUnavailable), http.StatusBadGateway, 2},
		"400":         {status(http.StatusBadRequest), http.StatusBadGateway, 1},
		"redirect":    {status(http.StatusFound), http.StatusBadGateway, 1},
		"reset":       {reset, http.StatusBadGateway, 2},
		"truncated":   {truncated, http.StatusBadGateway, 2},
		"huge":        {endless, http.StatusBadGateway, 1},
		"HTML":        {body("<h1>Welcome</h1>"), http.StatusBadGateway, 1},
		"no input":    {body(`{"OUTPUT":"X"}`), http.StatusBadGateway, 1},
		"101":         {switchesProtocols, http.StatusBadGateway, 1},
		"other input": {body(`{"INPUT":"other","OUTPUT":"OTHER"}`), http.StatusBadGateway, 1},
		"no output":   {body(`{"INPUT":"x"}`), http.StatusBadGateway, 1},
		"silent":      {silent, http.StatusGatewayTimeout, 2},
		"too late":    {after(time.Minute), http.StatusGatewayTimeout, 2},
	} {
		t.Run(name, func(t *testing.T) {
			up := newUpstream(t, expected.fault)
			server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TRIES=2", "SHOUT_TIMEOUT=500ms")
			assertProblem(t, shout(t, server, "x"), expected.status, time.Second+slack)

			total, _ := up.tries()
			assert.Equal(t, expected.tries, total)
			testkit.Until(t, func() bool { return strings.Contains(server.Output(), `"error":"`) }, "no error in the log")
		})
	}

	t.Run("no upstream listens", func(t *testing.T) {
		server := testkit.Start(t, program, fmt.Sprintf("SHOUT_URL=http://127.0.0.1:%d", testkit.FreePort(t)))
		assertProblem(t, shout(t, server, "x"), http.StatusBadGateway, time.Second+slack)
	})

	t.Run("the whole request takes too long", func(t *testing.T) {
		up := newUpstream(t, silent)
		server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=1m", "REQUEST_TIMEOUT=500ms")
		assertProblem(t, shout(t, server, "x"), http.StatusGatewayTimeout, 500*time.Millisecond+slack)
	})
}

func breaker(t *testing.T, program string) {
	up := newUpstream(t, status(http.StatusInternalServerError))
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TRIES=1")

	for i := range 20 {
		assertProblem(t, shout(t, server, strconv.Itoa(i)), http.StatusBadGateway, slack)
	}

	open := shout(t, server, "x")
	assertProblem(t, open, http.StatusServiceUnavailable, slack)
	assert.Regexp(t, "^[1-5]$", open.header.Get("Retry-After"))
	assert.InDelta(t, 1, metric(t, server, "shout_breaker_open"), 0)

	total, _ := up.tries()
	assert.Equal(t, 20, total, "it is skipped for a while")

	up.become(healthy)
	testkit.Until(t, func() bool { return shout(t, server, "x").status == http.StatusOK }, "it is never tried again")
}

func stale(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_CACHE_TTL=1ms", "SHOUT_TRIES=1", "SHOUT_TIMEOUT=200ms")
	assert.Equal(t, "miss", shout(t, server, "x").header.Get("X-Cache"))

	for name, spoil := range map[string]fault{"500": status(http.StatusInternalServerError), "silent": silent, "reset": reset} {
		up.become(spoil)

		var got answer

		testkit.Until(t, func() bool {
			got = shout(t, server, "x")

			return got.header.Get("X-Cache") != "hit"
		}, "the answer never gets stale")
		assert.Equal(t, http.StatusOK, got.status, name)
		assert.JSONEq(t, `{"data":"X"}`, got.body, name)
		assert.Equal(t, "stale", got.header.Get("X-Cache"), name)
		assert.Equal(t, `110 clockmirror "Response is Stale"`, got.header.Get("Warning"), name)
		assert.Regexp(t, "^[0-9]+$", got.header.Get("Age"), name)
	}

	assert.InDelta(t, 3, metric(t, server, `shout_answers_total{cache="stale"}`), 0)
}

func slowBody(t *testing.T, program string) {
	address, err := url.Parse(testkit.Start(t, program, "REQUEST_TIMEOUT=300ms").URL)
	require.NoError(t, err)

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
	require.NoError(t, err)

	defer connection.Close()

	require.NoError(t, connection.SetDeadline(time.Now().Add(testkit.Patience)))

	_, err = fmt.Fprint(connection, "POST /shout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"data\"")
	require.NoError(t, err)

	answer, err := io.ReadAll(connection)
	require.NoError(t, err, "the server closes the connection")
	assert.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 Request Timeout\r\n"), string(answer))
	assert.Contains(t, string(answer), "the body took too long to arrive")
}
