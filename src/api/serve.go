package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

const (
	requestIDHeader = "X-Request-Id"
	noRoute         = "unmatched"

	// retryAfter is how many seconds an overloaded server asks a client to stay away: far longer than a burst of requests
	// that take a millisecond each.
	retryAfter = "1"
)

// identify gives the answer its request id and what else every answer carries.
func (a *API) identify(c *gin.Context) {
	header := c.Writer.Header()
	header[requestIDHeader] = []string{telemetry.RequestID(c.Request.Header)} // the canonical form already
	header["X-Content-Type-Options"] = nosniff
}

// closeConnection ends the connection after the answer: while draining, so that clients and load balancers move elsewhere
// by themselves, and where a proxy may see the end of the request elsewhere than we do (RFC 9112, 6.1). net/http hides
// whether a Content-Length stood beside the Transfer-Encoding, and any of the two in HTTP/1.0, so all of these close.
func (a *API) closeConnection(c *gin.Context) {
	if a.draining.Load() || len(c.Request.TransferEncoding) != 0 || !c.Request.ProtoAtLeast(1, 1) {
		c.Writer.Header()["Connection"] = []string{"close"}
	}
}

// record traces, counts and logs a request with its answer.
func (a *API) record(c *gin.Context) {
	arrived := time.Now().UTC()

	ctx, span := a.options.Tracer.Start(c.Request)
	if ctx != c.Request.Context() { // most requests have no trace, and need no copy
		c.Request = c.Request.WithContext(ctx)
	}

	c.Next()

	took := time.Since(arrived)
	method, status, route := c.Request.Method, c.Writer.Status(), c.FullPath()

	if route == "" {
		route = noRoute
	}

	a.options.Metrics.Observe(route, method, status, took)
	telemetry.End(span, method, route, c.Request.URL.Path, status)

	access := telemetry.Access{
		Arrived: arrived, RequestID: c.Writer.Header()[requestIDHeader][0], Method: method, Route: route, Status: status,
		Duration: took, Bytes: max(c.Writer.Size(), 0), Client: clientAddress(c),
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

	telemetry.LogAccess(ctx, a.options.Logger, levelOf(status), access)
}

// levelOf returns the level at which an answer is logged. A refusal under load is not an error, and must not cost a write
// each.
func levelOf(status int) slog.Level {
	if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		return slog.LevelError
	}

	return slog.LevelInfo
}

// recoverPanic answers for a handler that panicked. The client learns only the request id; the log line has the rest.
func recoverPanic(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}

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
	}()

	c.Next()
}

// bound refuses a request while MaxInFlight others are being worked on. Probes don't pass here: a load balancer that takes
// a busy server for a dead one makes the others busier.
func (a *API) bound(c *gin.Context) {
	inFlight := a.options.Metrics.Enter()
	defer a.options.Metrics.Leave()

	if inFlight > int64(a.options.MaxInFlight) {
		overloaded(c, "too many requests at a time")

		return
	}

	c.Next()
}

// share keeps the requests for a route, which may take their time, to half of MaxInFlight: the others find a turn however
// slowly an upstream answers, or a client reads.
func (a *API) share() gin.HandlerFunc {
	const half = 2

	turns := semaphore.NewWeighted(int64(max(1, a.options.MaxInFlight/half)))

	return func(c *gin.Context) {
		if !turns.TryAcquire(1) {
			overloaded(c, "too many requests of this kind at a time")

			return
		}
		defer turns.Release(1)

		c.Next()
	}
}

// overloaded asks the client to come back later.
func overloaded(c *gin.Context, reason string) {
	c.Writer.Header()["Retry-After"] = []string{retryAfter}
	fail(c, http.StatusServiceUnavailable, "", reason+"; try again after "+retryAfter+" s")
}

// clientAddress returns who asked. Only behind a proxy is there more to do than to leave the port off.
func clientAddress(c *gin.Context) string {
	if len(c.Request.Header["X-Forwarded-For"]) != 0 {
		return c.ClientIP()
	}

	return withoutPort(c.Request.RemoteAddr)
}

func withoutPort(address string) string {
	if colon := strings.LastIndexByte(address, ':'); colon > 0 {
		return strings.Trim(address[:colon], "[]")
	}

	return address
}
