package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

func TestOutgoingRequestsCarryTraceAndRequestID(t *testing.T) {
	t.Parallel()

	var got http.Header

	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) { got = request.Header }))
	defer server.Close()

	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	traced := telemetry.WithRequestID(trace.ContextWithSpanContext(t.Context(), span), "some-id")

	for name, expected := range map[string]struct {
		traceparent string
		requestIDs  []string
	}{
		"with both":    {"00-01000000000000000000000000000000-0200000000000000-01", []string{"some-id"}},
		"with neither": {"", nil},
	} {
		ctx := t.Context()
		if expected.traceparent != "" {
			ctx = traced
		}

		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)

		client := http.Client{Transport: telemetry.Outgoing(http.DefaultTransport)}
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())

		assert.Equal(t, expected.traceparent, got.Get("Traceparent"), name)
		assert.Equal(t, expected.requestIDs, got["X-Request-Id"], name)
		assert.Empty(t, request.Header, "the caller's request is unchanged")
	}
}
