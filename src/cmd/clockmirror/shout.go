package main

import (
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/shout"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

// redisTimeout bounds what a slow Redis can add to an answer. A healthy one takes about a hundredth of it.
const redisTimeout = 100 * time.Millisecond

func addShout(p *parts) error {
	shouter, stop := newShouter(p.settings.Shout, p.metrics, p.logger)
	p.all, p.stops = append(p.all, api.Shout(shouter)), append(p.stops, stop)
	p.memory += cacheMemory(p.settings.Shout)

	return nil
}

// newShouter puts together upstream and cache as the settings say. Call stop at shutdown.
func newShouter(settings config.Shout, metrics *telemetry.Metrics, logger *slog.Logger) (shouter *shout.Shouter, stop func() error) {
	var (
		counted             = shout.NewMetrics(metrics.Registry())
		upper   shout.Upper = shout.Embedded{}
		cache   shout.Cache
		keepFor = settings.CacheTTL + shout.StaleFor
		name    = "embedded"
	)

	if settings.URL != nil {
		name = settings.URL.String()
		upper = shout.NewUpstream(shout.UpstreamOptions{
			URL: settings.URL, Transport: telemetry.Outgoing(newTransport(int(settings.InFlight))),
			Timeout: settings.Timeout, Tries: settings.Tries, MaxInFlight: settings.InFlight,
		}, counted)
	}

	stop = func() error { return nil }

	switch {
	case settings.RedisURL != nil:
		shared := shout.NewRedis(settings.RedisURL, name, keepFor, redisTimeout)
		cache, stop = shared, shared.Close
	case settings.CacheBytes != 0:
		cache = shout.NewMemory(keepFor, settings.CacheBytes)
	}

	return shout.New(upper, cache, settings.CacheTTL, counted, logger), stop
}

// cacheMemory returns how many bytes of this process the cache may take.
func cacheMemory(settings config.Shout) int64 {
	if settings.RedisURL != nil {
		return 0
	}

	return int64(min(settings.CacheBytes, math.MaxInt32))
}

// newTransport returns net/http's transport with limits for one host.
func newTransport(connections int) *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http says that it is one
	transport.MaxResponseHeaderBytes = maxHeaderBytes            // net/http takes 10 MiB
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = connections, connections

	return transport
}
