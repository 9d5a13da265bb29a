package shout_test

import (
	"context"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/shout"
)

// newUpstream returns an upstream with three tries of a second, and what counts them.
func newUpstream(t *testing.T, handler http.HandlerFunc) (*shout.Upstream, *atomic.Int32) {
	t.Helper()

	return newUpstreamWithin(t, time.Second, handler)
}

// newUpstreamWithin bounds each try by a time.
func newUpstreamWithin(t *testing.T, timeout time.Duration, handler http.HandlerFunc) (*shout.Upstream, *atomic.Int32) {
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
		URL: address, Transport: server.Client().Transport, Timeout: timeout, Tries: 3, MaxInFlight: 2,
	}, metrics), &tries
}

func upperCase(writer http.ResponseWriter, request *http.Request) {
	var asked struct {
		Input string `json:"INPUT"`
	}
	if err := json.NewDecoder(request.Body).Decode(&asked); err != nil {
		writer.WriteHeader(http.StatusBadRequest)

		return
	}

	fmt.Fprintf(writer, `{"INPUT":%q,"OUTPUT":%q}`, asked.Input, strings.ToUpper(asked.Input))
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
		"no input":    {body(`{"OUTPUT":"X"}`), 1, false},
		"101":         {switchesProtocols, 1, false},
		"no output":   {body(`{"INPUT":"x"}`), 1, false},
		"a number":    {body(`{"INPUT":"x","OUTPUT":1}`), 1, false},
		"other input": {body(`{"INPUT":"y","OUTPUT":"Y"}`), 1, false},
		"huge":        {body(`{"INPUT":"x","OUTPUT":"` + strings.Repeat("X", 2<<20) + `"}`), 1, false},
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

			timeout := time.Minute
			if failure.timeout {
				timeout = time.Second // so that each try gets to the server, on a busy machine too
			}

			upstream, tries := newUpstreamWithin(t, timeout, failure.handler)
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

func TestErrorsDoNotRevealTheURLOfTheUpstream(t *testing.T) {
	t.Parallel()

	metrics, _ := newMetrics()
	upstream := shout.NewUpstream(shout.UpstreamOptions{
		URL:     &url.URL{Scheme: "http", User: url.UserPassword("user", "hidden"), Host: "upstream.invalid", Path: "/hidden", RawQuery: "key=hidden"},
		Timeout: time.Second, Tries: 1, MaxInFlight: 1,
		Transport: transportFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("away") }),
	}, metrics)

	_, err := upstream.Upper(t.Context(), "x")
	require.EqualError(t, err, "ask the upstream: away")
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

		time.Sleep(200 * time.Millisecond) // so 2 at a time make it 10 within the second that each waits
		upperCase(writer, request)
	})

	for i := range 40 {
		everyone.Go(func() {
			upper, err := upstream.Upper(t.Context(), fmt.Sprint("x", i))
			if _, ok := errors.AsType[*shout.UnavailableError](err); ok {
				full.Add(1)

				return
			}

			assert.NoError(t, err) //nolint:testifylint // require must not be called outside the test's goroutine
			assert.Equal(t, fmt.Sprint("X", i), upper)
		})
	}

	everyone.Wait()
	assert.Equal(t, int32(2), most.Load())
	assert.Positive(t, full.Load(), "no try waits for a turn longer than a try may take")
}

// switchesProtocols answers 101 and then nothing: to net/http the body of that is the bare connection.
func switchesProtocols(writer http.ResponseWriter, request *http.Request) {
	connection, _, _ := writer.(http.Hijacker).Hijack()
	_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")

	<-request.Context().Done()

	_, _ = io.Copy(io.Discard, connection) // until the client closes it
	_ = connection.Close()
}

func TestAnUpstreamThatAnswers101HoldsNoSlot(t *testing.T) {
	t.Parallel()

	var count atomic.Int32

	upstream, _ := newUpstream(t, func(writer http.ResponseWriter, request *http.Request) {
		if count.Add(1) <= 2 { // as many as there are slots
			switchesProtocols(writer, request)

			return
		}

		upperCase(writer, request)
	})

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	for range 2 {
		_, err := upstream.Upper(ctx, "x")
		require.ErrorContains(t, err, "it answers 101")
	}

	upper, err := upstream.Upper(ctx, "x")
	require.NoError(t, err)
	assert.Equal(t, "X", upper)
}
