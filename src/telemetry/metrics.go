package telemetry

import (
	"maps"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Build identifies the build of the program.
type Build struct {
	// Version is a semantic version without the v, such as 1.2.3.
	Version string
	// Revision is the full SHA of the commit.
	Revision string
	// Created is when the commit was made, in RFC 3339.
	Created string
}

// Metrics counts and times requests.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight atomic.Int64

	// Looking up a series by its labels costs more than counting, so each is looked up once. The map is replaced, never
	// changed, so readers need no lock.
	series atomic.Pointer[map[seriesKey]series]
	adding sync.Mutex
}

type seriesKey struct {
	route, method string
	status        int
}

type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// NewMetrics returns metrics with their own registry, which includes those of the Go runtime and the build.
func NewMetrics(build Build) *Metrics {
	labels := []string{"route", "method", "status"}
	metrics := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from a request's headers to the end of its answer.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, labels),
	}
	metrics.series.Store(&map[seriesKey]series{})

	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "clockmirror_build_info", Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{
			"version": build.Version, "revision": build.Revision, "created": build.Created, "goversion": runtime.Version(),
		},
	})
	info.Set(1)

	metrics.registry.MustRegister(
		metrics.requests, metrics.duration, info,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "http_requests_in_flight", Help: "Requests being worked on; probes, and those whose body is still coming, do not count.",
		}, func() float64 { return float64(metrics.inFlight.Load()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)

	return metrics
}

// CountDroppedLines adds a counter of the log lines that were dropped.
func (m *Metrics) CountDroppedLines(lines *Lines) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "log_lines_dropped_total", Help: "Log lines dropped because the output took no more or failed.",
	}, func() float64 { return float64(lines.Dropped()) }))
}

// Enter adds a request to those in flight and returns their number. Each Enter needs one Leave.
func (m *Metrics) Enter() int64 { return m.inFlight.Add(1) }

// Leave removes a request from those in flight.
func (m *Metrics) Leave() { m.inFlight.Add(-1) }

// Observe records a response. The route is the pattern, not the path, and non-standard methods count as OTHER, so that
// clients can't create any number of series.
func (m *Metrics) Observe(route, method string, status int, took time.Duration) {
	if !isStandard(method) {
		method = "OTHER"
	}

	key := seriesKey{route, method, status}

	found, ok := (*m.series.Load())[key]
	if !ok {
		found = m.add(key)
	}

	found.requests.Inc()
	found.duration.Observe(took.Seconds())
}

func (m *Metrics) add(key seriesKey) series {
	m.adding.Lock()
	defer m.adding.Unlock()

	labels := prometheus.Labels{"route": key.route, "method": key.method, "status": strconv.Itoa(key.status)}
	added := series{m.requests.With(labels), m.duration.With(labels)}
	next := maps.Clone(*m.series.Load())
	next[key] = added
	m.series.Store(&next)

	return added
}

func isStandard(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return false
	}
}

// Registry is where other parts of the program register their metrics.
func (m *Metrics) Registry() prometheus.Registerer { return m.registry }

// Handler serves the metrics in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
