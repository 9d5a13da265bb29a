package shout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/shout"
)

func TestAnUpstreamThatFailsTooOftenIsSkippedForAWhile(t *testing.T) {
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

	for range 20 {
		assert.Zero(t, open())

		_, err := upstream.Upper(t.Context(), "x")
		require.ErrorContains(t, err, "away")
	}

	_, err := upstream.Upper(t.Context(), "x")
	rest, ok := errors.AsType[*shout.UnavailableError](err)
	require.True(t, ok, "%v", err)
	assert.InDelta(t, 5*time.Second, rest.RetryAfter, float64(time.Second))
	assert.Equal(t, 20, tries)
	assert.InDelta(t, 1, open(), 0)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP shout_upstream_tries_total Requests to the upstream, by outcome: ok, error or timeout.
		# TYPE shout_upstream_tries_total counter
		shout_upstream_tries_total{outcome="error"} 20
		shout_upstream_tries_total{outcome="ok"} 0
		shout_upstream_tries_total{outcome="timeout"} 0
	`), "shout_upstream_tries_total"))
}

// answered returns an upstream without a network, which works in the time of a synctest bubble.
func answered(tries uint, transport transportFunc) *shout.Upstream {
	metrics, _ := newMetrics()

	return shout.NewUpstream(shout.UpstreamOptions{
		URL:       &url.URL{Scheme: "http", Host: "upstream.invalid"},
		Transport: transport, Timeout: time.Second, Tries: tries, MaxInFlight: 64,
	}, metrics)
}

func response(status int, body string, header http.Header) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func TestAnUpstreamOfWhichAThirdOfTheTriesFailIsUsedAllTheTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		upstream := answered(3, func(*http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Millisecond)

			if random.Float64() < 0.3 {
				return nil, errors.New("flaky")
			}

			return response(http.StatusOK, `{"INPUT":"x","OUTPUT":"X"}`, nil), nil
		})

		const requests = 20_000

		failed := 0

		for range requests {
			if _, err := upstream.Upper(t.Context(), "x"); err != nil {
				failed++
			}

			time.Sleep(250 * time.Millisecond) // so that a window has some 50 tries
		}

		assert.InDelta(t, 0.3*0.3*0.3, float64(failed)/requests, 0.005, "only those fail whose three tries all fail")
	})
}

func TestAnUpstreamIsAskedAgainWhenItAskedToWait(t *testing.T) {
	t.Parallel()

	for name, header := range map[string]func() string{
		"seconds": func() string { return "3" },
		"a date":  func() string { return time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			t.Run(fmt.Sprint(status, " with ", name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var asked []time.Time

					upstream := answered(2, func(*http.Request) (*http.Response, error) {
						asked = append(asked, time.Now())
						if len(asked) == 1 {
							return response(status, "", http.Header{"Retry-After": {header()}}), nil
						}

						return response(http.StatusOK, `{"INPUT":"x","OUTPUT":"X"}`, nil), nil
					})

					upper, err := upstream.Upper(t.Context(), "x")
					require.NoError(t, err)
					assert.Equal(t, "X", upper)
					require.Len(t, asked, 2)
					assert.Equal(t, 3*time.Second, asked[1].Sub(asked[0]))
				})
			})
		}
	}
}

func TestClientsLearnHowLongTheUpstreamAskedToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		upstream := answered(3, func(*http.Request) (*http.Response, error) {
			tries++

			return response(http.StatusTooManyRequests, "", http.Header{"Retry-After": {"20"}}), nil
		})

		for range 30 { // the first one is told by the upstream, the others know
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := upstream.Upper(ctx, "x")

			cancel()

			unavailable, ok := errors.AsType[*shout.UnavailableError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, 20*time.Second, unavailable.RetryAfter)
		}

		assert.Equal(t, 1, tries)
		time.Sleep(20 * time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		_, err := upstream.Upper(ctx, "x")
		require.Error(t, err)
		assert.Equal(t, 2, tries, "it is asked again, and the breaker is closed")
	})
}

func TestAnUpstreamThatAsksManyAtATimeToWaitIsNotBroken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64

		upstream := answered(2, func(*http.Request) (*http.Response, error) {
			time.Sleep(10 * time.Millisecond)

			if tries.Add(1) <= 30 {
				return response(http.StatusTooManyRequests, "", http.Header{"Retry-After": {"1"}}), nil
			}

			return response(http.StatusOK, `{"INPUT":"x","OUTPUT":"X"}`, nil), nil
		})

		var clients sync.WaitGroup

		for range 30 {
			clients.Go(func() {
				_, err := upstream.Upper(t.Context(), "x")
				assert.NoError(t, err)
			})
		}

		clients.Wait()
	})
}

func TestAnAbsurdRetryAfterCountsAsAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		upstream := answered(1, func(*http.Request) (*http.Response, error) {
			return response(http.StatusTooManyRequests, "", http.Header{"Retry-After": {"4000000000"}}), nil
		})

		_, err := upstream.Upper(t.Context(), "x")
		require.Error(t, err)

		_, err = upstream.Upper(t.Context(), "x")
		unavailable, ok := errors.AsType[*shout.UnavailableError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, time.Minute, unavailable.RetryAfter)
	})
}
