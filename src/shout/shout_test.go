package shout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/shout"
)

// upperFunc is an upstream.
type upperFunc func(ctx context.Context, text string) (string, error)

func (f upperFunc) Upper(ctx context.Context, text string) (string, error) { return f(ctx, text) }

// brokenCache denies every read and is too full for every write.
type brokenCache struct{}

func broken(kind shout.Kind) error { return &shout.CacheError{Kind: kind, Err: errors.New("broken")} }

func (brokenCache) Get(context.Context, string) (shout.Entry, bool, error) {
	return shout.Entry{Upper: "wrong", Asked: time.Now()}, true, broken(shout.KindDenied)
}

func (brokenCache) Set(context.Context, string, shout.Entry) error {
	return broken(shout.KindFull)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newMetrics() (*shout.Metrics, *prometheus.Registry) {
	registry := prometheus.NewRegistry()

	return shout.NewMetrics(registry), registry
}

func TestEmbedded(t *testing.T) {
	t.Parallel()

	for text, loud := range map[string]string{
		"test": "TSET", "": "", "straße": "ESSARTS", "e\u0301a": "AE\u0301", "ǆ": "Ǆ", "ﬁ": "FI", "\u0390": "\u0399\u0308\u0301", "1!": "!1", "ı": "I",
	} {
		metrics, _ := newMetrics()
		answer, err := shout.New(shout.Embedded{}, nil, time.Minute, metrics, discard()).Shout(t.Context(), text)
		require.NoError(t, err)
		assert.Equal(t, shout.Answer{Text: loud, Source: shout.Miss}, answer, "%q", text)
	}
}

func TestAnAnswerIsAHitUntilItsTimeIsUpAndStaleWhenTheUpstreamIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var away error

		upper := upperFunc(func(_ context.Context, text string) (string, error) { return strings.ToUpper(text), away })
		metrics, registry := newMetrics()
		shouter := shout.New(upper, shout.NewMemory(time.Minute+shout.StaleFor, 1<<20), time.Minute, metrics, discard())

		expect := func(source shout.Source, age time.Duration) {
			t.Helper()

			answer, err := shouter.Shout(t.Context(), "test")
			require.NoError(t, err)
			assert.Equal(t, shout.Answer{Text: "TSET", Source: source, Age: age}, answer)
		}

		expect(shout.Miss, 0)
		expect(shout.Hit, 0)

		away = errors.New("away")

		time.Sleep(time.Minute - 1)
		expect(shout.Hit, time.Minute-1)
		time.Sleep(time.Nanosecond)
		expect(shout.Stale, time.Minute)
		time.Sleep(shout.StaleFor - 1)
		expect(shout.Stale, time.Minute+shout.StaleFor-1)
		time.Sleep(2 * time.Nanosecond)

		_, err := shouter.Shout(t.Context(), "test")
		require.ErrorIs(t, err, away, "too old")

		away = nil

		expect(shout.Miss, 0)
		time.Sleep(time.Minute)
		expect(shout.Miss, 0)

		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
			# HELP shout_answers_total Texts shouted, by where they came from: hit, miss or stale.
			# TYPE shout_answers_total counter
			shout_answers_total{cache="hit"} 2
			shout_answers_total{cache="miss"} 3
			shout_answers_total{cache="stale"} 2
		`), "shout_answers_total"))
	})
}

func TestAFailingCacheIsNoErrorButCountedAndLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer

		metrics, registry := newMetrics()
		shouter := shout.New(shout.Embedded{}, brokenCache{}, time.Minute, metrics, slog.New(slog.NewTextHandler(&log, nil)))

		ask := func() {
			t.Helper()

			answer, err := shouter.Shout(t.Context(), "test")
			require.NoError(t, err)
			assert.Equal(t, shout.Answer{Text: "TSET", Source: shout.Miss}, answer)
		}

		for range 60 {
			ask()
			time.Sleep(time.Second - 1)
		}

		assert.Equal(t, 1, strings.Count(log.String(), `level=WARN msg="the cache fails" operation=read kind=denied error="denied: broken"`), log.String())
		assert.Equal(t, 1, strings.Count(log.String(), `operation=write kind=full error="full: broken"`))
		assert.Equal(t, 2, strings.Count(log.String(), "\n"))

		time.Sleep(time.Second)
		ask()
		assert.Equal(t, 4, strings.Count(log.String(), "\n"))

		failures, err := testutil.GatherAndCount(registry, "shout_cache_errors_total")
		require.NoError(t, err)
		assert.Equal(t, 2*8, failures, "every kind is there from the start, so that its rate can be told")

		families, err := registry.Gather()
		require.NoError(t, err)

		for _, family := range families {
			for _, series := range family.GetMetric() {
				if family.GetName() == "shout_cache_errors_total" && series.GetCounter().GetValue() != 0 {
					assert.InDelta(t, 61, series.GetCounter().GetValue(), 0)
				}
			}
		}
	})
}

func TestAPanicIsAnErrorOfEveryoneInItsFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		upper := upperFunc(func(context.Context, string) (string, error) {
			time.Sleep(time.Second)

			panic("broken")
		})
		metrics, _ := newMetrics()
		shouter := shout.New(upper, nil, time.Minute, metrics, discard())

		var everyone sync.WaitGroup

		for range 10 {
			everyone.Go(func() {
				_, err := shouter.Shout(t.Context(), "test")
				assert.ErrorContains(t, err, "panic while shouting: broken")
			})
		}

		everyone.Wait()
	})
}

func TestWhoAsksForTheSameAtTheSameTimeSharesOneAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32

		upper := upperFunc(func(ctx context.Context, text string) (string, error) {
			asked.Add(1)

			select {
			case <-time.After(time.Second):
				return strings.ToUpper(text), nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		metrics, _ := newMetrics()
		shouter := shout.New(upper, nil, time.Minute, metrics, discard())

		// The one who asks first goes away soon; the others get their answer all the same.
		impatient, leave := context.WithCancel(t.Context())

		var everyone sync.WaitGroup

		everyone.Go(func() {
			_, err := shouter.Shout(impatient, "test")
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()

		for range 100 {
			everyone.Go(func() {
				answer, err := shouter.Shout(t.Context(), "test")
				assert.NoError(t, err) //nolint:testifylint // require must not be called outside the test's goroutine
				assert.Equal(t, "TSET", answer.Text)
			})
		}

		synctest.Wait()
		leave()

		everyone.Go(func() {
			answer, err := shouter.Shout(t.Context(), "other")
			assert.NoError(t, err) //nolint:testifylint // require must not be called outside the test's goroutine
			assert.Equal(t, "REHTO", answer.Text)
		})
		everyone.Wait()
		assert.Equal(t, int32(2), asked.Load())
	})
}

func TestThereIsTimeLeftForAStaleAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := false
		upper := upperFunc(func(ctx context.Context, text string) (string, error) {
			if slow {
				<-ctx.Done()

				return "", ctx.Err()
			}

			return strings.ToUpper(text), nil
		})
		metrics, _ := newMetrics()
		shouter := shout.New(upper, shout.NewMemory(time.Hour, 1<<20), time.Minute, metrics, discard())

		_, err := shouter.Shout(t.Context(), "test")
		require.NoError(t, err)
		time.Sleep(time.Minute)

		slow = true

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		answer, err := shouter.Shout(ctx, "test")
		require.NoError(t, err)
		assert.Equal(t, shout.Stale, answer.Source)
		assert.Equal(t, time.Minute+9*time.Second, answer.Age)
	})
}

func TestTheMemoryIsBoundedInBytes(t *testing.T) {
	t.Parallel()

	const limit = 100_000

	memory := shout.NewMemory(time.Hour, limit)
	entry := shout.Entry{Upper: strings.Repeat("X", 1000), Asked: time.Now()}
	text := func(i int) string { return strings.Repeat("x", 1000) + string(rune('a'+i)) }
	held := func() (count int) {
		for i := range 200 {
			if _, ok, err := memory.Get(t.Context(), text(i)); ok && err == nil {
				count++
			}
		}

		return count
	}

	for i := range 200 {
		require.NoError(t, memory.Set(t.Context(), text(i), entry))
	}

	assert.Less(t, held()*2000, limit)
	assert.Greater(t, held()*2500, limit*9/10)

	_, newest, err := memory.Get(t.Context(), text(199))
	require.NoError(t, err)
	assert.True(t, newest, "what was used last stays")

	require.NoError(t, memory.Set(t.Context(), "huge", shout.Entry{Upper: strings.Repeat("X", 2*limit)}))
	_, huge, err := memory.Get(t.Context(), "huge")
	require.NoError(t, err)
	assert.False(t, huge)
}
