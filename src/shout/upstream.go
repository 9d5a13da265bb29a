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
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
)

const (
	// largestAnswer is more than the longest text takes in JSON, twice, with each character escaped and three times as long.
	largestAnswer = 1 << 20

	// The breaker opens when most of the tries within its window failed, and there were at least breakerTries of them. With
	// fewer, or at a lower rate, it would cut off an upstream that other tries still get answers from: of three tries, one
	// succeeds 78 % of the time even when 60 % of them fail.
	breakerWindow  = 10 * time.Second
	breakerSlice   = time.Second
	breakerTries   = 20
	breakerPercent = 75
	breakerPause   = 5 * time.Second
	breakerTrials  = 1 // after the pause, one try at a time decides

	// longestWait bounds how long an upstream can make itself skipped by a Retry-After.
	longestWait = time.Minute

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

// Upstream is a service that turns texts into upper case: POST {"INPUT":"…"} answers {"INPUT":"…","OUTPUT":"…"}. Requests
// are idempotent, so temporary failures are retried with growing, jittered pauses.
type Upstream struct {
	options UpstreamOptions
	client  *http.Client
	turns   *semaphore.Weighted
	breaker *gobreaker.TwoStepCircuitBreaker[string]
	reopens atomic.Int64 // when the breaker lets tries through again, in Unix nanoseconds
	resumes atomic.Int64 // when the upstream wants to be asked again, in Unix nanoseconds
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
		Interval: breakerWindow, BucketPeriod: breakerSlice, Timeout: breakerPause, MaxRequests: breakerTrials,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return counts.Requests >= breakerTries && 100*counts.TotalFailures >= breakerPercent*counts.Requests
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

	u.reopens.Store(time.Now().Add(breakerPause).UnixNano())
	u.metrics.breakerOpen.Set(1)
}

// Upper asks the upstream, if need be several times, until ctx is done.
func (u *Upstream) Upper(ctx context.Context, text string) (string, error) {
	pause := backoff.NewExponentialBackOff() // jittered by half
	pause.InitialInterval, pause.MaxInterval = firstBackoff, lastBackoff

	var last error

	upper, err := backoff.Retry(ctx, func() (string, error) {
		var upper string

		upper, last = u.try(ctx, text)
		if last == nil {
			return upper, nil
		}

		failure, ok := errors.AsType[*UpstreamError](last)

		switch {
		case !ok, !failure.temporary:
			return "", backoff.Permanent(last)
		case failure.retryAfter == 0:
			return "", last
		case endsWithin(ctx, failure.retryAfter): // the client can wait longer than its request
			last = u.waits()

			return "", backoff.Permanent(last)
		default:
			return "", &backoff.RetryAfterError{Duration: failure.retryAfter}
		}
	}, backoff.WithBackOff(pause), backoff.WithMaxTries(u.options.Tries), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return "", last // tells more than that time is up
	}

	return upper, nil
}

func endsWithin(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()

	return ok && time.Until(deadline) <= wait
}

// try asks once, if the upstream, the limit on requests at a time, and the breaker allow it.
func (u *Upstream) try(ctx context.Context, text string) (string, error) {
	if failure := u.waits(); failure != nil {
		return "", failure
	}

	waiting, cancel := context.WithTimeout(ctx, u.options.Timeout)
	defer cancel()

	if err := u.turns.Acquire(waiting, 1); err != nil {
		return "", &UnavailableError{Reason: "too many texts are waiting for the upstream", RetryAfter: time.Second}
	}
	defer u.turns.Release(1)

	done, err := u.breaker.Allow()
	if err != nil {
		return "", &UnavailableError{
			Reason:     "the upstream is skipped for a while after repeated failures",
			RetryAfter: time.Until(time.Unix(0, u.reopens.Load())),
		}
	}

	failed := true // also after a panic, so that the breaker gets its result

	defer func() {
		if failed {
			done(errors.New("the try failed"))
		} else {
			done(nil)
		}
	}()

	trying, cancel := context.WithTimeout(ctx, u.options.Timeout)
	defer cancel()

	upper, failure := u.ask(trying, text)
	u.metrics.tried(failure)

	if failure == nil {
		failed = false

		return upper, nil
	}

	failed = !failure.refusal

	if failure.retryAfter != 0 {
		u.resumes.Store(time.Now().Add(failure.retryAfter).UnixNano())
	}

	return "", failure
}

// waits returns an error while the upstream doesn't want to be asked.
func (u *Upstream) waits() error {
	wait := time.Until(time.Unix(0, u.resumes.Load()))
	if wait <= 0 {
		return nil
	}

	return &UnavailableError{Reason: "the upstream asked to wait", RetryAfter: wait}
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

	if response.StatusCode != http.StatusOK {
		return "", wrongStatus(response) // the body is not read: after a 101 it would never end, whatever the context says
	}

	answer, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))

	switch {
	case err != nil:
		return "", broken(ctx, err)
	case len(answer) > largestAnswer:
		return "", &UpstreamError{Err: fmt.Errorf("the answer is longer than %d bytes", largestAnswer)}
	}

	upper, err := read(answer, text)
	if err != nil {
		return "", &UpstreamError{Err: err}
	}

	return upper, nil
}

// broken is a failure of the connection. What net/http says of it is unwrapped, as it repeats the URL, which may hold a key.
func broken(ctx context.Context, err error) *UpstreamError {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}

	return &UpstreamError{Timeout: ctx.Err() != nil, Err: err, temporary: true}
}

func wrongStatus(response *http.Response) *UpstreamError {
	failure := &UpstreamError{Err: fmt.Errorf("it answers %d", response.StatusCode)}

	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		failure.temporary = true
		failure.retryAfter = retryAfter(response.Header)
		failure.refusal = failure.retryAfter != 0 // an upstream that says when to come back works
	case status == http.StatusServiceUnavailable:
		failure.temporary = true
		failure.retryAfter = retryAfter(response.Header)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusInternalServerError,
		status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		failure.temporary = true
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		failure.refusal = true // a 4xx must not open the breaker
	}

	return failure
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3). It is 0 without one, and at most longestWait.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")

	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longestWait)
	}

	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}

	return min(max(time.Until(date), 0), longestWait)
}

// read returns the upper case of the text from an answer, which must say that it is to this text.
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
	case shouted.Input == nil:
		return "", errors.New("the answer has no INPUT, so it may be to another text")
	case *shouted.Input != text:
		return "", errors.New("the answer has another INPUT than the request")
	default:
		return *shouted.Output, nil
	}
}
