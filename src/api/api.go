// Package api is the HTTP side of the program: routes, handlers, and what all answers have in common.
//
//	@title			clockmirror
//	@version		1.0
//	@description	Tells the time from a clock that is seen in a mirror, and has three more services as examples.
//	@description
//	@description	![12:22 in the mirror is really 11:38](../clock.svg?mirror_time=12:22)
//	@description
//	@description	Every error is an RFC 9457 problem (`application/problem+json`). Every answer carries `X-Request-Id`.
//	@license.name	MIT
//	@tag.name		clock
//	@tag.description	What a clock in a mirror really shows
//	@tag.name		echo
//	@tag.description	The text that was sent
//	@tag.name		shout
//	@tag.description	A slow, flaky upstream behind a cache
//	@tag.name		greeting
//	@tag.description	One deployment per customer
//	@tag.name		health
//	@tag.description	For load balancers, monitors and people
package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// Options is what an [API] is made of.
type Options struct {
	Build  telemetry.Build
	Logger *slog.Logger
	// Metrics counts the requests; its number of requests in flight is what MaxInFlight bounds.
	Metrics *telemetry.Metrics
	Tracer  *telemetry.Tracer

	// Service is the name that /health shows.
	Service string
	// Hostname is the name of the host that /health shows.
	Hostname string
	// Started is when the program was started; /health tells how long ago that was.
	Started time.Time
	// HealthLabels are further members of /health.
	HealthLabels map[string]string

	// Parts are what the service offers, beside its health and its documentation.
	Parts []Part

	// RequestTimeout bounds the requests that wait for others.
	RequestTimeout time.Duration
	// Budget bounds connections and bodies.
	Budget Budget
	// MaxInFlight is how many requests are worked on at a time. Above it a request is answered 503 at once.
	MaxInFlight int
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
}

// API answers requests. It is safe for concurrent use.
type API struct {
	options  Options
	engine   *gin.Engine
	draining atomic.Bool

	connections *connections
	bodies      *semaphore.Weighted
}

// New returns an API that serves the routes of its parts and those that every service has.
func New(options Options) (*API, error) {
	gin.SetMode(gin.ReleaseMode)

	api := &API{options: options, engine: gin.New(), bodies: semaphore.NewWeighted(options.Budget.BodyMemory)}
	api.connections = newConnections(api)
	api.engine.RedirectTrailingSlash = false
	api.engine.HandleMethodNotAllowed = true
	api.engine.RemoteIPHeaders = []string{"X-Forwarded-For"} // the one that load balancers set

	proxies := make([]string, 0, len(options.TrustedProxies))
	for _, network := range options.TrustedProxies {
		proxies = append(proxies, network.String())
	}

	if err := api.engine.SetTrustedProxies(proxies); err != nil {
		return nil, fmt.Errorf("trust the proxies %v: %w", proxies, err)
	}

	api.route()

	return api, nil
}

// Drain makes /readyz answer 503 and every answer close its connection, while all requests are still served.
func (a *API) Drain() { a.draining.Store(true) }

// ServeHTTP answers a request.
func (a *API) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	a.engine.ServeHTTP(writer, request)
}
