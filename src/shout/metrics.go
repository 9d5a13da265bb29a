package shout

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what happens between clients, cache and upstream.
type Metrics struct {
	answers     *prometheus.CounterVec
	cacheErrors prometheus.Counter
	tries       *prometheus.CounterVec
	breakerOpen prometheus.Gauge
}

// NewMetrics returns metrics, registered.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	metrics := &Metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_answers_total", Help: "Texts shouted, by where they came from: hit, miss or stale.",
		}, []string{"cache"}),
		cacheErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shout_cache_errors_total", Help: "Times that the cache was out of order.",
		}),
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_upstream_tries_total", Help: "Requests to the upstream, by outcome: ok, error or timeout.",
		}, []string{"outcome"}),
		breakerOpen: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shout_breaker_open", Help: "1 while the upstream is left alone because it failed too often, else 0.",
		}),
	}

	for _, source := range []Source{Hit, Miss, Stale} {
		metrics.answers.WithLabelValues(string(source))
	}

	for _, outcome := range []string{outcomeOK, outcomeError, outcomeTimeout} {
		metrics.tries.WithLabelValues(outcome)
	}

	registry.MustRegister(metrics.answers, metrics.cacheErrors, metrics.tries, metrics.breakerOpen)

	return metrics
}

const (
	outcomeOK      = "ok"
	outcomeError   = "error"
	outcomeTimeout = "timeout"
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
