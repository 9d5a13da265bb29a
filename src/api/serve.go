package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

const (
	requestIDHeader = "X-Request-Id"
	noRoute         = "unmatched"

	// retryAfter is how long an overloaded server asks a client to stay away. A second outlasts a burst of requests that
	// take a millisecond each, by far.
	retryAfter = "1"
)

// serve is what every request passes: request id, trace, bound on load, answer to a panic, metrics, log line. It is one
// middleware and not six because each costs a closure and a turn through Gin's chain, and because the six share the same
// four values. What each part does to stay cheap is said where it is done; `make bench` tells whether it does.
func (a *API) serve(c *gin.Context) {
	arrived := time.Now().UTC()
	id := telemetry.RequestID(c.Request.Header)

	header := c.Writer.Header()
	header[requestIDHeader] = []string{id} // the canonical form already, so Set need not look for it
	header["X-Content-Type-Options"] = nosniff

	if a.draining.Load() {
		header["Connection"] = []string{"close"} // so that clients and load balancers move elsewhere by themselves
	}

	ctx, span := a.options.Tracer.Start(c.Request)
	if ctx != c.Request.Context() { // most requests have no trace, and need no copy
		c.Request = c.Request.WithContext(ctx)
	}

	inFlight := a.options.Metrics.Enter()

	defer func() {
		if cause := recover(); cause != nil {
			a.recovered(c, cause)
		}

		a.options.Metrics.Leave()
		a.record(ctx, c, span, id, arrived)
	}()

	if inFlight > int64(a.options.MaxInFlight) && !isProbe(c.FullPath()) {
		header["Retry-After"] = []string{retryAfter}
		fail(c, http.StatusServiceUnavailable, "", "too many requests at a time; try again after "+retryAfter+" s")

		return
	}

	c.Next()
}

// isProbe tells the routes that stay open under load: a busy server that its load balancer takes for dead makes the
// others busier.
func isProbe(route string) bool {
	return route == "/livez" || route == "/readyz" || route == "/health" || route == "/-/health"
}

// deadline is for routes that wait for others: their context ends when the request has had its time.
func (a *API) deadline(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.options.RequestTimeout)
	defer cancel()

	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// recovered answers for a handler that panicked. The client learns nothing but the request id; the log line has the rest.
func (a *API) recovered(c *gin.Context, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint,err113 // a sentinel that net/http compares the same way
		c.Abort()

		return
	}

	_ = c.Error(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))

	if c.Writer.Written() {
		c.Abort()

		return
	}

	fail(c, http.StatusInternalServerError, "", "something went wrong here; report the request_id if it happens again")
}

// record counts, traces and logs an answer.
func (a *API) record(ctx context.Context, c *gin.Context, span trace.Span, id string, arrived time.Time) {
	took := time.Since(arrived)
	method, status, route := c.Request.Method, c.Writer.Status(), c.FullPath()

	if route == "" {
		route = noRoute
	}

	a.options.Metrics.Observe(route, method, status, took)
	telemetry.End(span, method, route, c.Request.URL.Path, status)

	level := slog.LevelInfo
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		level = slog.LevelError // a refusal under load is not an error, and must not cost a write each
	}

	access := telemetry.Access{
		Arrived: arrived, RequestID: id, Method: method, Route: route, Status: status, Duration: took,
		Bytes: max(c.Writer.Size(), 0), Client: clientAddress(c),
	}

	if method == http.MethodHead {
		access.Bytes = 0
	}

	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() {
		access.TraceID = parent.TraceID().String()
	}

	if len(c.Errors) != 0 {
		access.Error = c.Errors.String()
	}

	telemetry.LogAccess(ctx, a.options.Logger, level, access)
}

// clientAddress returns who asked. Only behind a proxy is there more to do than to leave the port off.
func clientAddress(c *gin.Context) string {
	if len(c.Request.Header["X-Forwarded-For"]) != 0 {
		return c.ClientIP()
	}

	address := c.Request.RemoteAddr
	if colon := strings.LastIndexByte(address, ':'); colon > 0 {
		return strings.Trim(address[:colon], "[]")
	}

	return address
}
