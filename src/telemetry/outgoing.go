package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
)

type requestIDKey struct{}

// WithRequestID returns a context whose outgoing requests carry the id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// Outgoing returns a transport whose requests carry the trace and the request id of their context, so that other services
// can relate their work to the request.
func Outgoing(transport http.RoundTripper) http.RoundTripper { return outgoing{transport} }

type outgoing struct{ transport http.RoundTripper }

func (o outgoing) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	request = request.Clone(ctx) // a transport must not change its caller's request

	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(request.Header))

	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		request.Header["X-Request-Id"] = []string{id}
	}

	return o.transport.RoundTrip(request) //nolint:wrapcheck // the client wraps a transport's errors
}
