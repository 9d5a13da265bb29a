package shout_test

import (
	"context"
	"errors"
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

// brokenCache fails whatever it is asked.
type brokenCache struct{}

func (brokenCache) Get(context.Context, string) (shout.Entry, bool, error) {
	return shout.Entry{Upper: "wrong", Asked: time.Now()}, true, errors.New("broken")
}

func (brokenCache) Set(context.Context, string, shout.Entry) error { return errors.New("broken") }

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
		answer, err := shout.New(shout.Embedded{}, nil, time.Minute, metrics).Shout(t.Context(), text)
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
		shouter := shout.New(upper, shout.NewMemory(time.Minute+shout.StaleFor, 1<<20), time.Minute, metrics)

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
		time.Sleep(1)
		expect(shout.Stale, time.Minute)
		time.Sleep(shout.StaleFor - 1)
		expect(shout.Stale, time.Minute+shout.StaleFor-1)
		time.Sleep(2)

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

func TestABrokenCacheIsNoErrorButCounted(t *testing.T) {
	t.Parallel()

	metrics, registry := newMetrics()
	answer, err := shout.New(shout.Embedded{}, brokenCache{}, time.Minute, metrics).Shout(t.Context(), "test")
	require.NoError(t, err)
	assert.Equal(t, shout.Answer{Text: "TSET", Source: shout.Miss}, answer)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP shout_cache_errors_total Times that the cache was out of order.
		# TYPE shout_cache_errors_total counter
		shout_cache_errors_total 2
	`), "shout_cache_errors_total"))
}

func TestWhoAsksForTheSameAtTheSameTimeSharesOneAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32

		upper := upperFunc(func(_ context.Context, text string) (string, error) {
			asked.Add(1)
			time.Sleep(time.Second)

			return strings.ToUpper(text), nil
		})
		metrics, _ := newMetrics()
		shouter := shout.New(upper, nil, time.Minute, metrics)

		// The one who asks first goes away soon; the others get their answer all the same.
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()

		var everyone sync.WaitGroup

		everyone.Go(func() {
			_, err := shouter.Shout(impatient, "test")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		synctest.Wait()

		for range 100 {
			everyone.Go(func() {
				answer, err := shouter.Shout(t.Context(), "test")
				assert.NoError(t, err)
				assert.Equal(t, "TSET", answer.Text)
			})
		}

		everyone.Go(func() {
			answer, err := shouter.Shout(t.Context(), "other")
			assert.NoError(t, err)
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
		shouter := shout.New(upper, shout.NewMemory(time.Hour, 1<<20), time.Minute, metrics)

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
