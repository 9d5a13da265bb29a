package telemetry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

// newTracer returns a tracer whose collector accepts everything.
func newTracer(tb testing.TB, sampler string, ratio float64) *telemetry.Tracer {
	tb.Helper()

	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	tb.Cleanup(collector.Close)

	endpoint, err := url.Parse(collector.URL)
	require.NoError(tb, err)

	tracer, err := telemetry.NewTracer(tb.Context(), config.Traces{Endpoint: endpoint, Sampler: sampler, Ratio: ratio}, telemetry.Build{})
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, tracer.Shutdown(context.WithoutCancel(tb.Context()))) })

	return tracer
}

// start starts a span for a request, with a traceparent if one is given.
func start(tb testing.TB, tracer *telemetry.Tracer, traceparent string) (context.Context, trace.SpanContext) {
	tb.Helper()

	request := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
	if traceparent != "" {
		request.Header.Set("Traceparent", traceparent)
	}

	ctx, span := tracer.Start(request)
	telemetry.End(span, http.MethodGet, "/", "/", http.StatusOK)

	return ctx, trace.SpanContextFromContext(ctx)
}

func TestEverySamplerDecidesAsOpenTelemetrySays(t *testing.T) {
	t.Parallel()

	const sampled, unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

	for _, expected := range []struct {
		sampler                         string
		alone, afterSampled, afterOther bool
	}{
		{"always_on", true, true, true},
		{"always_off", false, false, false},
		{"parentbased_always_on", true, true, false},
		{"parentbased_always_off", false, true, false},
	} {
		tracer := newTracer(t, expected.sampler, 1)

		for traceparent, want := range map[string]bool{"": expected.alone, sampled: expected.afterSampled, unsampled: expected.afterOther} {
			_, span := start(t, tracer, traceparent)
			assert.Equal(t, want, span.IsSampled(), "%s after %q", expected.sampler, traceparent)
		}
	}
}

func TestTheRatioIsOfTraceIDsSoThatAllInstancesDecideAlike(t *testing.T) {
	t.Parallel()

	const traces = 2000

	one, two := newTracer(t, "traceidratio", 0.5), newTracer(t, "traceidratio", 0.5)
	random := rand.New(rand.NewPCG(1, 2))
	count := 0

	for range traces {
		traceparent := fmt.Sprintf("00-%016x%016x-b7ad6b7169203331-00", random.Uint64(), random.Uint64())
		_, first := start(t, one, traceparent)
		_, second := start(t, two, traceparent)
		require.Equal(t, first.IsSampled(), second.IsSampled(), traceparent)

		if first.IsSampled() {
			count++
		}
	}

	assert.InDelta(t, traces/2, count, traces/20)
}

func TestARequestThatIsNotSampledPassesItsTraceOn(t *testing.T) {
	t.Parallel()

	var got string

	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) { got = request.Header.Get("Traceparent") }))
	defer upstream.Close()

	ctx, span := start(t, newTracer(t, "parentbased_traceidratio", 0), "")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, upstream.URL, http.NoBody)
	require.NoError(t, err)

	client := http.Client{Transport: telemetry.Outgoing(http.DefaultTransport)}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	assert.Equal(t, fmt.Sprintf("00-%s-%s-00", span.TraceID(), span.SpanID()), got)
}

func FuzzTraceparent(f *testing.F) {
	for _, header := range []string{
		"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra", "00-0AF7-1-1", "\x00",
	} {
		f.Add(header)
	}

	tracer := newTracer(f, "parentbased_always_off", 0)
	valid := regexp.MustCompile(`^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$`)

	f.Fuzz(func(t *testing.T, header string) {
		_, span := start(t, tracer, header)
		require.True(t, span.IsValid())

		if parts := valid.FindStringSubmatch(header); parts != nil && span.IsSampled() {
			assert.Equal(t, parts[1], span.TraceID().String())
		}

		if span.IsSampled() {
			assert.Contains(t, header, span.TraceID().String(), "only a sampled parent makes it sampled")
		}
	})
}
