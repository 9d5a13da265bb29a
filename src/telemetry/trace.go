package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/clockmirror/clockmirror/src/config"
)

// Tracer records spans of requests; the configured OpenTelemetry sampler decides which.
type Tracer struct {
	provider   *sdktrace.TracerProvider // nil: nothing is recorded
	tracer     trace.Tracer
	propagator propagation.TraceContext
}

// NewTracer returns a tracer that exports to the endpoint of the settings over OTLP/HTTP, or records nothing when there is
// no endpoint. Call Shutdown at the end.
func NewTracer(ctx context.Context, settings config.Traces, build Build) (*Tracer, error) {
	if settings.Endpoint == nil {
		return &Tracer{}, nil
	}

	exporter, err := otlptracehttp.New(
		ctx,
		otlptracehttp.WithEndpointURL(settings.Endpoint.JoinPath("v1", "traces").String()),
		otlptracehttp.WithHeaders(settings.Headers),
	)
	if err != nil {
		return nil, fmt.Errorf("create the trace exporter: %w", err)
	}

	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sampler(settings)),
		sdktrace.WithResource(resource.NewSchemaless(
			semconv.ServiceName(settings.Service),
			semconv.ServiceVersion(build.Version),
			attribute.String("vcs.ref.head.revision", build.Revision),
		)),
	)

	return &Tracer{provider: provider, tracer: provider.Tracer("clockmirror")}, nil
}

// sampler returns the SDK's sampler of the configured name.
func sampler(settings config.Traces) sdktrace.Sampler {
	name, parentBased := strings.CutPrefix(settings.Sampler, "parentbased_")
	root := sdktrace.NeverSample()

	switch name {
	case "always_on":
		root = sdktrace.AlwaysSample()
	case "traceidratio":
		root = sdktrace.TraceIDRatioBased(settings.Ratio)
	}

	if parentBased {
		return sdktrace.ParentBased(root)
	}

	return root
}

// Start returns the span of a request, or nil without tracing, and a context whose outgoing requests carry the trace.
// They carry it even if the request is not sampled, so that services behind this one take over the decision.
func (t *Tracer) Start(request *http.Request) (context.Context, trace.Span) {
	ctx := request.Context()

	if len(request.Header["Traceparent"]) != 0 {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(request.Header))
	}

	if t.provider == nil {
		return ctx, nil
	}

	return t.tracer.Start(ctx, request.Method, trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // End ends it
}

// End ends a span that Start returned, which may be nil. A status of 500 or above makes it an error.
func End(span trace.Span, method, route, path string, status int) {
	if span == nil || !span.IsRecording() {
		return
	}

	span.SetName(method + " " + route)
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method),
		semconv.HTTPRoute(route),
		semconv.URLPath(path),
		semconv.HTTPResponseStatusCode(status),
	)

	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(status))
	}

	span.End()
}

// Shutdown exports what is left.
func (t *Tracer) Shutdown(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}

	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("export the last spans: %w", err)
	}

	return nil
}
