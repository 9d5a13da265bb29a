package shout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
)

const (
	// largestAnswer is more than the longest text takes up in JSON, twice, each character escaped and grown threefold.
	largestAnswer = 4 << 20

	// The breaker opens when at least half of the tries within its window failed, and there were enough of them to tell.
	breakerWindow = 10 * time.Second
	breakerSlice  = time.Second
	breakerTries  = 10
	breakerRest   = 5 * time.Second
	breakerTrials = 3 // at a time after the rest; all must succeed

	firstBackoff = 50 * time.Millisecond
	lastBackoff  = time.Second
)

// UpstreamOptions says how an [Upstream] is to be asked.
type UpstreamOptions struct {
	URL *url.URL
	// Transport sends the requests.
	Transport http.RoundTripper
	// Timeout bounds each try, and the wait for a turn.
	Timeout time.Duration
	// Tries is how often the upstream is asked for one text at the most.
	Tries uint
	// MaxInFlight is how many requests it gets at a time.
	MaxInFlight int64
}

// Upstream is a service that turns texts into upper case: POST {"INPUT":"…"} answers {"INPUT":"…","OUTPUT":"…"}. To ask
// twice does no harm, so what may be a passing failure is tried again, later each time and never at a fixed beat.
type Upstream struct {
	options UpstreamOptions
	client  *http.Client
	turns   *semaphore.Weighted
	breaker *gobreaker.TwoStepCircuitBreaker[string]
	reopens atomic.Int64 // when the breaker lets tries through again, in Unix nanoseconds
	metrics *Metrics
}

// NewUpstream returns an upstream.
func NewUpstream(options UpstreamOptions, metrics *Metrics) *Upstream {
	upstream := &Upstream{
		options: options,
		client: &http.Client{
			Transport:     options.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		turns:   semaphore.NewWeighted(options.MaxInFlight),
		metrics: metrics,
	}
	upstream.breaker = gobreaker.NewTwoStepCircuitBreaker[string](gobreaker.Settings{
		Interval: breakerWindow, BucketPeriod: breakerSlice, Timeout: breakerRest, MaxRequests: breakerTrials,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return counts.Requests >= breakerTries && 2*counts.TotalFailures >= counts.Requests
		},
		OnStateChange: upstream.breakerChanged,
	})

	return upstream
}

func (u *Upstream) breakerChanged(_ string, _, state gobreaker.State) {
	if state != gobreaker.StateOpen {
		u.metrics.breakerOpen.Set(0)

		return
	}

	u.reopens.Store(time.Now().Add(breakerRest).UnixNano())
	u.metrics.breakerOpen.Set(1)
}

// Upper asks the upstream, again if need be, until ctx is done.
func (u *Upstream) Upper(ctx context.Context, text string) (string, error) {
	pause := backoff.NewExponentialBackOff() // jittered by half
	pause.InitialInterval, pause.MaxInterval = firstBackoff, lastBackoff

	var last error

	upper, err := backoff.Retry(ctx, func() (string, error) {
		var upper string

		upper, last = u.try(ctx, text)

		var failure *UpstreamError
		if last != nil && (!errors.As(last, &failure) || !failure.temporary) {
			return "", backoff.Permanent(last)
		}

		return upper, last
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(u.options.Tries), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return "", last // tells more than that time is up
	}

	return upper, nil
}

// try asks once, when it is our turn and the breaker lets us.
func (u *Upstream) try(ctx context.Context, text string) (string, error) {
	waiting, cancel := context.WithTimeout(ctx, u.options.Timeout)
	defer cancel()

	if err := u.turns.Acquire(waiting, 1); err != nil {
		return "", &UnavailableError{Reason: "too many texts are waiting to be shouted", RetryAfter: time.Second}
	}
	defer u.turns.Release(1)

	done, err := u.breaker.Allow()
	if err != nil {
		return "", &UnavailableError{
			Reason:     "shouting fails too often just now and is given a rest",
			RetryAfter: time.Until(time.Unix(0, u.reopens.Load())),
		}
	}

	trying, cancel := context.WithTimeout(ctx, u.options.Timeout)
	defer cancel()

	upper, failure := u.ask(trying, text)
	u.metrics.tried(failure)

	if failure == nil {
		done(nil)

		return upper, nil
	}

	if failure.refusal {
		done(nil) // it is in its right mind
	} else {
		done(failure)
	}

	return "", failure
}

func (u *Upstream) ask(ctx context.Context, text string) (string, *UpstreamError) {
	body, err := json.Marshal(map[string]string{"INPUT": text})
	if err != nil {
		return "", &UpstreamError{Err: fmt.Errorf("write the request: %w", err)}
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.options.URL.String(), bytes.NewReader(body))
	if err != nil {
		return "", &UpstreamError{Err: fmt.Errorf("make the request: %w", err)}
	}

	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")

	response, err := u.client.Do(request)
	if err != nil {
		return "", broken(ctx, err)
	}
	defer response.Body.Close()

	answer, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))

	switch {
	case err != nil:
		return "", broken(ctx, err)
	case response.StatusCode != http.StatusOK:
		return "", wrongStatus(response)
	case len(answer) > largestAnswer:
		return "", &UpstreamError{Err: fmt.Errorf("the answer is longer than %d bytes", largestAnswer)}
	}

	upper, err := read(answer, text)
	if err != nil {
		return "", &UpstreamError{Err: err}
	}

	return upper, nil
}

// broken is a failure on the way there or back.
func broken(ctx context.Context, err error) *UpstreamError {
	return &UpstreamError{Timeout: ctx.Err() != nil, Err: err, temporary: true}
}

func wrongStatus(response *http.Response) *UpstreamError {
	failure := &UpstreamError{Err: fmt.Errorf("it answers %s", response.Status)}

	switch status := response.StatusCode; {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests,
		status == http.StatusInternalServerError, status == http.StatusBadGateway,
		status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		failure.temporary = true
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		failure.refusal = true
	}

	return failure
}

// read returns the upper case of the text from an answer, which must not be one to another text.
func read(answer []byte, text string) (string, error) {
	var shouted struct {
		Input  *string `json:"INPUT"`
		Output *string `json:"OUTPUT"`
	}

	switch err := json.Unmarshal(answer, &shouted); {
	case err != nil:
		return "", fmt.Errorf("read the answer: %w", err)
	case !utf8.Valid(answer):
		return "", errors.New("the answer is not UTF-8")
	case shouted.Output == nil:
		return "", errors.New("the answer has no OUTPUT")
	case shouted.Input != nil && *shouted.Input != text:
		return "", errors.New("the answer has another INPUT than the request")
	default:
		return *shouted.Output, nil
	}
}
