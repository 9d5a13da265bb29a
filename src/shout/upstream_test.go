package shout_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/shout"
)

// newUpstream returns an upstream with three tries of 200 ms, and what counts them.
func newUpstream(t *testing.T, handler http.HandlerFunc) (*shout.Upstream, *atomic.Int32) {
	t.Helper()

	var tries atomic.Int32

	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		tries.Add(1)
		handler(writer, request)
	}))
	t.Cleanup(server.Close)

	address, err := url.Parse(server.URL + "/V1/SHOUT")
	require.NoError(t, err)

	metrics, _ := newMetrics()

	return shout.NewUpstream(shout.UpstreamOptions{
		URL: address, Transport: server.Client().Transport, Timeout: 200 * time.Millisecond, Tries: 3, MaxInFlight: 2,
	}, metrics), &tries
}

func upperCase(writer http.ResponseWriter, request *http.Request) {
	var asked struct{ INPUT string }
	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		writer.WriteHeader(http.StatusBadRequest)

		return
	}

	_ = json.NewEncoder(writer).Encode(map[string]string{"INPUT": asked.INPUT, "OUTPUT": strings.ToUpper(asked.INPUT)})
}

func TestUpstreamIsAskedAsItWantsToBe(t *testing.T) {
	t.Parallel()

	upstream, tries := newUpstream(t, func(writer http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		assert.Equal(t, http.MethodPost, request.Method)
		assert.Equal(t, "/V1/SHOUT", request.URL.Path)
		assert.Equal(t, "application/json", request.Header.Get("Content-Type"))
		assert.JSONEq(t, `{"INPUT":"ä\"<"}`, string(body))
		fmt.Fprint(writer, `{"INPUT":"ä\"<","OUTPUT":"Ä\"<"}`)
	})
	upper, err := upstream.Upper(t.Context(), `ä"<`)
	require.NoError(t, err)
	assert.Equal(t, `Ä"<`, upper)
	assert.Equal(t, int32(1), tries.Load())
}

func TestUpstreamFailures(t *testing.T) {
	t.Parallel()

	status := func(code int) http.HandlerFunc {
		return func(writer http.ResponseWriter, _ *http.Request) {
			writer.Header().Set("Location", "/")
			writer.WriteHeader(code)
		}
	}
	body := func(text string) http.HandlerFunc {
		return func(writer http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(writer, text) }
	}

	for name, failure := range map[string]struct {
		handler http.HandlerFunc
		tries   int32
		timeout bool
	}{
		"500":         {status(500), 3, false},
		"502":         {status(502), 3, false},
		"503":         {status(503), 3, false},
		"504":         {status(504), 3, false},
		"429":         {status(429), 3, false},
		"408":         {status(408), 3, false},
		"400":         {status(400), 1, false},
		"404":         {status(404), 1, false},
		"501":         {status(501), 1, false},
		"redirect":    {status(302), 1, false},
		"204":         {status(204), 1, false},
		"empty":       {body(""), 1, false},
		"not JSON":    {body("<html>"), 1, false},
		"not UTF-8":   {body("{\"INPUT\":\"x\",\"OUTPUT\":\"\xff\"}"), 1, false},
		"no output":   {body(`{"INPUT":"x"}`), 1, false},
		"a number":    {body(`{"INPUT":"x","OUTPUT":1}`), 1, false},
		"other input": {body(`{"INPUT":"y","OUTPUT":"Y"}`), 1, false},
		"huge":        {body(`{"INPUT":"x","OUTPUT":"` + strings.Repeat("X", 5<<20) + `"}`), 1, false},
		"truncated": {func(writer http.ResponseWriter, _ *http.Request) {
			writer.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(writer, `{"INPUT":"x","OUTPUT":"X"}`)
		}, 3, false},
		"reset": {func(writer http.ResponseWriter, _ *http.Request) {
			connection, _, _ := writer.(http.Hijacker).Hijack()
			_ = connection.(*net.TCPConn).SetLinger(0)
			_ = connection.Close()
		}, 3, false},
		"slow": {func(_ http.ResponseWriter, request *http.Request) {
			_, _ = io.Copy(io.Discard, request.Body)
			<-request.Context().Done()
		}, 3, true},
		"slow to end": {func(writer http.ResponseWriter, request *http.Request) {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(writer, `{"INPUT":`)
			_ = http.NewResponseController(writer).Flush()
			<-request.Context().Done()
		}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			upstream, tries := newUpstream(t, failure.handler)
			started := time.Now()
			_, err := upstream.Upper(t.Context(), "x")

			wrong, ok := errors.AsType[*shout.UpstreamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, failure.timeout, wrong.Timeout, err)
			assert.Equal(t, failure.tries, tries.Load())
			assert.Less(t, time.Since(started), 10*time.Second)
		})
	}
}

func TestAnotherTryHelps(t *testing.T) {
	t.Parallel()

	var count atomic.Int32

	upstream, tries := newUpstream(t, func(writer http.ResponseWriter, request *http.Request) {
		if count.Add(1) < 3 {
			writer.WriteHeader(http.StatusBadGateway)

			return
		}

		upperCase(writer, request)
	})
	upper, err := upstream.Upper(t.Context(), "x")
	require.NoError(t, err)
	assert.Equal(t, "X", upper)
	assert.Equal(t, int32(3), tries.Load())
}

func TestAnUpstreamThatFailsTooOftenIsGivenARest(t *testing.T) {
	t.Parallel()

	metrics, registry := newMetrics()
	address := &url.URL{Scheme: "http", Host: "upstream.invalid"}
	tries := 0
	upstream := shout.NewUpstream(shout.UpstreamOptions{
		URL: address, Timeout: time.Second, Tries: 1, MaxInFlight: 1,
		Transport: transportFunc(func(*http.Request) (*http.Response, error) { tries++; return nil, errors.New("away") }),
	}, metrics)

	open := func() float64 {
		t.Helper()

		families, err := registry.Gather()
		require.NoError(t, err)

		for _, family := range families {
			if family.GetName() == "shout_breaker_open" {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}

		return -1
	}

	for range 10 {
		assert.Zero(t, open())

		_, err := upstream.Upper(t.Context(), "x")
		require.ErrorContains(t, err, "away")
	}

	_, err := upstream.Upper(t.Context(), "x")
	rest, ok := errors.AsType[*shout.UnavailableError](err)
	require.True(t, ok, "%v", err)
	assert.InDelta(t, 5*time.Second, rest.RetryAfter, float64(time.Second))
	assert.Equal(t, 10, tries)
	assert.InDelta(t, 1, open(), 0)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP shout_upstream_tries_total Requests to the upstream, by outcome: ok, error or timeout.
		# TYPE shout_upstream_tries_total counter
		shout_upstream_tries_total{outcome="error"} 10
		shout_upstream_tries_total{outcome="ok"} 0
		shout_upstream_tries_total{outcome="timeout"} 0
	`), "shout_upstream_tries_total"))
}

func TestTextsThatTheUpstreamRefusesDoNotStopTheOthers(t *testing.T) {
	t.Parallel()

	upstream, tries := newUpstream(t, func(writer http.ResponseWriter, _ *http.Request) {
		writer.WriteHeader(http.StatusUnprocessableEntity)
	})

	for range 30 {
		_, err := upstream.Upper(t.Context(), "x")
		_, ok := errors.AsType[*shout.UpstreamError](err)
		assert.True(t, ok, "%v", err)
	}

	assert.Equal(t, int32(30), tries.Load())
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func TestTheUpstreamGetsNoMoreThanItsShareAtATime(t *testing.T) {
	t.Parallel()

	var (
		now, most atomic.Int32
		everyone  sync.WaitGroup
		full      atomic.Int32
	)

	upstream, _ := newUpstream(t, func(writer http.ResponseWriter, request *http.Request) {
		if count := now.Add(1); count > most.Load() {
			most.Store(count)
		}
		defer now.Add(-1)

		time.Sleep(50 * time.Millisecond) // as slow as it is, 2 at a time make it 8 within 200 ms
		upperCase(writer, request)
	})

	for i := range 40 {
		everyone.Go(func() {
			upper, err := upstream.Upper(t.Context(), fmt.Sprint("x", i))
			if _, ok := errors.AsType[*shout.UnavailableError](err); ok {
				full.Add(1)

				return
			}

			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprint("X", i), upper)
		})
	}

	everyone.Wait()
	assert.Equal(t, int32(2), most.Load())
	assert.Positive(t, full.Load(), "nobody waits for a turn longer than a try may take")
}

func TestARedisThatIsAwayIsAnErrorThreeTimesAndThenLeftAlone(t *testing.T) {
	t.Parallel()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close()) // nobody listens there now

	cache := shout.NewRedis("redis://"+listener.Addr().String(), "test", time.Minute)
	for range 3 {
		_, ok, err := cache.Get(t.Context(), "x")
		require.ErrorContains(t, err, "refused")
		assert.False(t, ok)
	}

	require.ErrorContains(t, cache.Set(t.Context(), "x", shout.Entry{Asked: time.Now()}), "given a rest")
	require.NoError(t, cache.Close())
}
