// Package shout reverses a text and turns it into upper case. Upper case is the job of an upstream, which may be slow,
// unreliable or unreachable, so its answers are cached.
package shout

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/singleflight"
)

// Upper turns a text into upper case.
type Upper interface {
	Upper(ctx context.Context, text string) (string, error)
}

// Cache keeps what the upstream answered. An error means that the cache failed, not that it has no entry.
type Cache interface {
	Get(ctx context.Context, text string) (Entry, bool, error)
	Set(ctx context.Context, text string, entry Entry) error
}

// Entry is what a cache keeps for a text.
type Entry struct {
	Upper string `json:"upper"`
	// Asked is when the upstream was asked.
	Asked time.Time `json:"asked"`
}

// age is never negative, though the clock of the instance that asked may be ahead.
func (e Entry) age() time.Duration { return max(time.Since(e.Asked), 0) }

// StaleFor is how long an entry is kept after it has expired, to be served while the upstream fails.
const StaleFor = 24 * time.Hour

// Source tells where an answer comes from.
type Source string

// The sources.
const (
	// Hit is an answer from the cache.
	Hit Source = "hit"
	// Miss is an answer from the upstream.
	Miss Source = "miss"
	// Stale is an expired answer from the cache, served because the upstream fails.
	Stale Source = "stale"
)

// Answer is a text, reversed and in upper case.
type Answer struct {
	Text   string
	Source Source
	// Age is how long ago the upstream was asked.
	Age time.Duration
}

// UpstreamError is a failure of the upstream. Clients must see neither the upstream's address nor its answer.
type UpstreamError struct {
	// Timeout tells that the upstream took too long.
	Timeout bool
	// Err is the cause, for operators.
	Err error

	temporary  bool          // another try may succeed
	refusal    bool          // the upstream works, but does not take this text or this many
	retryAfter time.Duration // how long the upstream asks to wait, or 0
}

// Error says what happened.
func (e *UpstreamError) Error() string { return "ask the upstream: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UpstreamError) Unwrap() error { return e.Err }

// UnavailableError says that the upstream was not asked: it failed too often recently, it asked to wait, or too many
// requests are waiting for it.
type UnavailableError struct {
	// Reason is for people to read.
	Reason string
	// RetryAfter is when asking again makes sense.
	RetryAfter time.Duration
}

// Error returns the reason.
func (e *UnavailableError) Error() string { return e.Reason }

// Shouter shouts. It is safe for concurrent use.
type Shouter struct {
	upper    Upper
	cache    Cache
	freshFor time.Duration
	metrics  *Metrics
	failures *cacheFailures
	flights  singleflight.Group
}

// New returns a shouter that serves cached answers for a time without asking the upstream. The cache may be nil. Its
// failures are logged.
func New(upper Upper, cache Cache, freshFor time.Duration, metrics *Metrics, logger *slog.Logger) *Shouter {
	return &Shouter{
		upper: upper, cache: cache, freshFor: freshFor, metrics: metrics,
		failures: &cacheFailures{logger: logger, metrics: metrics, logged: map[failureKey]time.Time{}},
	}
}

// Shout returns the text reversed and in upper case. Its errors are an [*UpstreamError], an [*UnavailableError], the
// context's own, or another after a panic.
func (s *Shouter) Shout(ctx context.Context, text string) (Answer, error) {
	reversed := Reverse(text)

	// Concurrent requests for the same text share one flight, which goes on when the request that started it is cancelled.
	flight := s.flights.DoChan(reversed, func() (_ any, err error) {
		ctx, cancel := flightContext(ctx)
		defer cancel()

		defer func() { // here, because singleflight makes a panic the end of the process
			if cause := recover(); cause != nil {
				err = fmt.Errorf("panic while shouting: %v\n%s", cause, debug.Stack())
			}
		}()

		return s.answer(ctx, reversed)
	})

	select {
	case landed := <-flight:
		answer, _ := landed.Val.(Answer) // the zero answer with an error
		if landed.Err == nil {
			s.metrics.answered(answer.Source)
		}

		return answer, landed.Err
	case <-ctx.Done():
		return Answer{}, ctx.Err() //nolint:wrapcheck // the caller's own
	}
}

// flightContext returns a context that isn't cancelled with ctx. It ends a little before the deadline of ctx, so that there
// is time left to serve a stale answer.
func flightContext(ctx context.Context) (context.Context, context.CancelFunc) {
	const share = 10 // of the time

	free := context.WithoutCancel(ctx)

	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(free)
	}

	return context.WithDeadline(free, deadline.Add(-time.Until(deadline)/share))
}

// answer returns a fresh entry of the cache, else the upstream's answer, else a stale entry of the cache.
func (s *Shouter) answer(ctx context.Context, text string) (Answer, error) {
	entry, cached := s.lookUp(ctx, text)

	if age := entry.age(); cached && age < s.freshFor {
		return Answer{Text: entry.Upper, Source: Hit, Age: age}, nil
	}

	asked := time.Now()

	upper, err := s.upper.Upper(ctx, text)
	if err == nil {
		s.keep(ctx, text, Entry{Upper: upper, Asked: asked})

		return Answer{Text: upper, Source: Miss}, nil
	}

	if cached {
		return Answer{Text: entry.Upper, Source: Stale, Age: entry.age()}, nil
	}

	return Answer{}, err
}

// lookUp asks the cache. A cache that fails counts as empty.
func (s *Shouter) lookUp(ctx context.Context, text string) (Entry, bool) {
	if s.cache == nil {
		return Entry{}, false
	}

	entry, ok, err := s.cache.Get(ctx, text)
	s.failures.report(ctx, operationRead, err)

	return entry, ok && err == nil
}

func (s *Shouter) keep(ctx context.Context, text string, entry Entry) {
	if s.cache != nil {
		s.failures.report(ctx, operationWrite, s.cache.Set(ctx, text, entry))
	}
}
