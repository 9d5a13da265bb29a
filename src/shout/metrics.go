package shout

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what happens between clients, cache and upstream.
type Metrics struct {
	answers     *prometheus.CounterVec
	cacheErrors *prometheus.CounterVec
	tries       *prometheus.CounterVec
	breakerOpen prometheus.Gauge
}

// NewMetrics returns metrics, registered.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	metrics := &Metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_answers_total", Help: "Texts shouted, by where they came from: hit, miss or stale.",
		}, []string{"cache"}),
		cacheErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_cache_errors_total", Help: "Failures of the cache, by operation (read or write) and kind.",
		}, []string{"operation", "kind"}),
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_upstream_tries_total", Help: "Requests to the upstream, by outcome: ok, error or timeout.",
		}, []string{"outcome"}),
		breakerOpen: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shout_breaker_open", Help: "1 while the upstream is skipped after repeated failures, else 0.",
		}),
	}

	for _, source := range []Source{Hit, Miss, Stale} {
		metrics.answers.WithLabelValues(string(source))
	}

	for _, outcome := range []string{outcomeOK, outcomeError, outcomeTimeout} {
		metrics.tries.WithLabelValues(outcome)
	}

	for _, kind := range kinds() {
		metrics.cacheErrors.WithLabelValues(operationRead, string(kind))
		metrics.cacheErrors.WithLabelValues(operationWrite, string(kind))
	}

	registry.MustRegister(metrics.answers, metrics.cacheErrors, metrics.tries, metrics.breakerOpen)

	return metrics
}

const (
	outcomeOK      = "ok"
	outcomeError   = "error"
	outcomeTimeout = "timeout"

	operationRead  = "read"
	operationWrite = "write"
)

func (m *Metrics) answered(source Source) { m.answers.WithLabelValues(string(source)).Inc() }

func (m *Metrics) tried(failure *UpstreamError) {
	switch {
	case failure == nil:
		m.tries.WithLabelValues(outcomeOK).Inc()
	case failure.Timeout:
		m.tries.WithLabelValues(outcomeTimeout).Inc()
	default:
		m.tries.WithLabelValues(outcomeError).Inc()
	}
}
