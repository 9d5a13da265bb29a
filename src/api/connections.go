package api

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// connections bounds how many there are. When all are taken, a new one takes the place of the one that has been without a
// whole request for the longest: idle, or sending its headers slowly. When all are at work, the new one is answered 503.
type connections struct {
	api *API

	mutex sync.Mutex
	open  map[*conn]struct{}

	evicted, refused prometheus.Counter
}

func newConnections(api *API) *connections {
	shed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_connections_shed_total", Help: "Connections closed because MAX_CONNECTIONS were open: evicted while they waited, or refused with 503.",
	}, []string{"how"})
	all := &connections{
		api: api, open: map[*conn]struct{}{},
		evicted: shed.WithLabelValues("evicted"), refused: shed.WithLabelValues("refused"),
	}

	api.options.Metrics.Registry().MustRegister(shed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "http_connections", Help: "Connections that are open now on the public port.",
	}, func() float64 { return float64(all.count()) }))

	return all
}

func (a *connections) count() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()

	return len(a.open)
}

// admit finds room for a connection, and reports whether there is any.
func (a *connections) admit(c *conn) bool {
	a.mutex.Lock()

	var longest *conn

	if len(a.open) >= a.api.options.Budget.Connections {
		if longest = a.longestWaiting(); longest == nil {
			a.mutex.Unlock()
			a.refused.Inc()

			return false
		}

		delete(a.open, longest)
		a.evicted.Inc()
	}

	a.open[c] = struct{}{}
	a.mutex.Unlock()

	if longest != nil {
		_ = longest.Close() // net/http sees it and ends
	}

	return true
}

// longestWaiting returns nil when all connections are at work. The caller holds the lock.
func (a *connections) longestWaiting() *conn {
	var (
		longest *conn
		since   int64
	)

	for c := range a.open {
		if waiting := c.waiting.Load(); waiting != 0 && (longest == nil || waiting < since) {
			longest, since = c, waiting
		}
	}

	return longest
}

func (a *connections) remove(c *conn) {
	a.mutex.Lock()
	defer a.mutex.Unlock()

	delete(a.open, c)
}

// Listener returns a listener for an http.Server that calls ConnState.
func (a *API) Listener(listener net.Listener) net.Listener {
	return connListener{listener, a.connections}
}

type connListener struct {
	net.Listener

	connections *connections
}

func (l connListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http looks at this very error
		}

		c := &conn{Conn: accepted, owner: l.connections}
		c.waiting.Store(time.Now().UnixNano())

		if l.connections.admit(c) {
			return c, nil
		}

		_ = c.refuse(http.StatusServiceUnavailable) // fits into the socket's buffer, so it does not block
		_ = c.Close()
	}
}

// ConnState notes which connections are at work.
func (a *API) ConnState(connection net.Conn, state http.ConnState) {
	c, ours := connection.(*conn)
	if !ours {
		return
	}

	switch state {
	case http.StateActive:
		c.waiting.Store(0)
	case http.StateIdle:
		c.waiting.Store(time.Now().UnixNano())
	case http.StateNew, http.StateHijacked, http.StateClosed: // Accept and Close have noted it
	}
}
