// Package shout says a text backwards and loud. Backwards it does itself; loud is an upstream's job, which may be slow,
// flaky or away, so there is a cache in between.
package shout

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"
)

// Upper turns a text into upper case.
type Upper interface {
	Upper(ctx context.Context, text string) (string, error)
}

// Cache keeps what the upstream answered. An error means that the cache is out of order, not that it has no entry.
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

// StaleFor is how long an entry is kept beyond its time, for when the upstream is away.
const StaleFor = 24 * time.Hour

// Source tells where an answer comes from.
type Source string

// The sources.
const (
	// Hit is an answer from the cache.
	Hit Source = "hit"
	// Miss is an answer from the upstream.
	Miss Source = "miss"
	// Stale is an answer from the cache that has had its time, given because the upstream gives none.
	Stale Source = "stale"
)

// Answer is a text, backwards and in upper case.
type Answer struct {
	Text   string
	Source Source
	// Age is how long ago the upstream was asked.
	Age time.Duration
}

// UpstreamError is a failure of the upstream. Neither its address nor what it said is for clients' eyes.
type UpstreamError struct {
	// Timeout tells that the upstream took too long.
	Timeout bool
	// Err says more, to operators.
	Err error

	temporary bool // another try may do better
	refusal   bool // the upstream is well and does not want this text
}

// Error says what happened.
func (e *UpstreamError) Error() string { return "ask the upstream: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UpstreamError) Unwrap() error { return e.Err }

// UnavailableError tells that the upstream was not asked: it has failed too often of late, or too many ask it already.
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
	flights  singleflight.Group
}

// New returns a shouter whose cached answers are good for a time. The cache may be nil.
func New(upper Upper, cache Cache, freshFor time.Duration, metrics *Metrics) *Shouter {
	return &Shouter{upper: upper, cache: cache, freshFor: freshFor, metrics: metrics}
}

// Shout returns the text backwards and in upper case. Its errors are an [*UpstreamError], an [*UnavailableError], or the
// context's own.
func (s *Shouter) Shout(ctx context.Context, text string) (Answer, error) {
	reversed := Reverse(text)

	// Who asks for the same at the same time shares one flight. It outlives whoever happened to start it, but not for long.
	flight := s.flights.DoChan(reversed, func() (any, error) {
		ctx, cancel := flightContext(ctx)
		defer cancel()

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

// flightContext returns a context that isn't cancelled with ctx, and ends before its deadline by so much that there is time
// left to answer with what the cache has.
func flightContext(ctx context.Context) (context.Context, context.CancelFunc) {
	const share = 10 // of the time

	free := context.WithoutCancel(ctx)

	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(free)
	}

	return context.WithDeadline(free, deadline.Add(-time.Until(deadline)/share))
}

// answer returns what the cache has while it is fresh, else what the upstream says, else what the cache has.
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

// lookUp asks the cache. A cache that is out of order has nothing.
func (s *Shouter) lookUp(ctx context.Context, text string) (Entry, bool) {
	if s.cache == nil {
		return Entry{}, false
	}

	entry, ok, err := s.cache.Get(ctx, text)
	s.cacheAnswered(err)

	return entry, ok && err == nil
}

func (s *Shouter) keep(ctx context.Context, text string, entry Entry) {
	if s.cache != nil {
		s.cacheAnswered(s.cache.Set(ctx, text, entry))
	}
}

func (s *Shouter) cacheAnswered(err error) {
	if err != nil && !errors.Is(err, errCacheSkipped) {
		s.metrics.cacheErrors.Inc()
	}
}
