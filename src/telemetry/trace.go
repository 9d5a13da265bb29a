package telemetry

import (
	"context"
	"fmt"
	"math/rand/v2"
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

// Tracer records spans of requests. It decides whether to before it does anything else, so that a request that is not
// sampled costs one comparison. The decision is the one that OpenTelemetry's samplers of the same names take.
type Tracer struct {
	provider    *sdktrace.TracerProvider // nil: nothing is recorded
	tracer      trace.Tracer
	ratio       float64 // of the requests that no parent decides for
	parentBased bool
	propagator  propagation.TraceContext
}

// NewTracer returns a tracer that exports to the endpoint of the settings over OTLP/HTTP, or records nothing when there is
// no endpoint. Shutdown must be called at the end.
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
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}

	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // Start has decided already
		sdktrace.WithResource(resource.NewSchemaless(
			semconv.ServiceName(settings.Service),
			semconv.ServiceVersion(build.Version),
			attribute.String("vcs.ref.head.revision", build.Revision),
		)),
	)

	sampler, parentBased := strings.CutPrefix(settings.Sampler, "parentbased_")
	tracer := &Tracer{provider: provider, tracer: provider.Tracer("clockmirror"), parentBased: parentBased}

	switch sampler {
	case "always_on":
		tracer.ratio = 1
	case "traceidratio":
		tracer.ratio = settings.Ratio
	}

	return tracer, nil
}

// Start returns a context with the trace that the request's traceparent header names, if any, and the span that records
// the request, or nil when it is not sampled.
func (t *Tracer) Start(request *http.Request) (context.Context, trace.Span) {
	ctx, decided, sampled := request.Context(), false, false

	if len(request.Header["Traceparent"]) != 0 {
		ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(request.Header))
		parent := trace.SpanContextFromContext(ctx)
		decided, sampled = t.parentBased && parent.IsValid(), parent.IsSampled()
	}

	switch {
	case t.provider == nil, decided && !sampled, !decided && !t.draw():
		return ctx, nil
	}

	return t.tracer.Start(ctx, request.Method, trace.WithSpanKind(trace.SpanKindServer)) //nolint:spancheck // End ends it
}

// draw decides for a request that has no parent to ask.
func (t *Tracer) draw() bool {
	return t.ratio == 1 || rand.Float64() < t.ratio //nolint:gosec // G404: a sample needs no secrecy
}

// End ends a span that Start returned; nil is fine. Status 500 and above make it an error.
func End(span trace.Span, method, route, path string, status int) {
	if span == nil {
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
