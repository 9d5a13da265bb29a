package api

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Health is what /health answers; the labels of HEALTH_LABELS follow its own members.
type Health struct {
	Status string `json:"status" example:"UP" enums:"UP" validate:"required"`
	// Timestamp is now, in RFC 3339.
	Timestamp string `json:"timestamp" example:"2026-11-21T08:30:00Z" format:"date-time" validate:"required"`
	// Uptime is how long the program has been running, in words.
	Uptime  string `json:"uptime" example:"2 hours, 3 minutes and 4 seconds" validate:"required"`
	Service string `json:"service" example:"clockmirror" validate:"required"`
	Version string `json:"version" example:"1.2.3" validate:"required"`
	// Revision is the full SHA of the commit.
	Revision string `json:"revision" example:"3f786850e387550fdab836ed7e6dc881de23001b" validate:"required"`
	// Created is when that commit was made.
	Created  string `json:"created" example:"2026-11-20T17:45:00Z" validate:"required"`
	Hostname string `json:"hostname" example:"ip-10-0-1-23" validate:"required"`
} //	@name	Health

// health answers people and monitors.
//
//	@Summary		How the service is, for people and monitors
//	@Description	The members of HEALTH_LABELS follow these.
//	@Tags			health
//	@Produce		json,application/problem+json
//	@Success		200	{object}	Health
//	@Failure		500	{object}	internalProblem
//	@Router			/health [get]
//	@Router			/health [head]
func (a *API) health(c *gin.Context) {
	now := time.Now()
	build := a.options.Build

	body := marshal(Health{
		Status:    "UP",
		Timestamp: now.UTC().Format(time.RFC3339),
		Uptime:    inWords(now.Sub(a.options.Started)),
		Service:   a.options.Service,
		Version:   build.Version,
		Revision:  build.Revision,
		Created:   build.Created,
		Hostname:  a.options.Hostname,
	})
	if len(a.options.HealthLabels) != 0 {
		labels := marshal(a.options.HealthLabels) // sorted by key
		body = append(append(body[:len(body)-1], ','), labels[1:]...)
	}

	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, jsonType[0], body)
}

// DebugHealth is what /-/health answers.
type DebugHealth struct {
	Status string         `json:"status" example:"ok" enums:"ok" validate:"required"`
	Debug  DebugAddresses `json:"debug"                          validate:"required"`
} //	@name	DebugHealth

// DebugAddresses tell which instance answers.
type DebugAddresses struct {
	Hostname string `json:"hostname" example:"ip-10-0-1-23" validate:"required"`
	// IP is the first address that is not a loopback one, or 127.0.0.1.
	IP string `json:"ip" example:"10.0.1.23" validate:"required"`
} //	@name	DebugAddresses

// debugHealth tells which instance answers.
//
//	@Summary	Which instance answers
//	@Tags		health
//	@Produce	json,application/problem+json
//	@Success	200	{object}	DebugHealth
//	@Failure	500	{object}	internalProblem
//	@Router		/-/health [get]
//	@Router		/-/health [head]
func (a *API) debugHealth(c *gin.Context) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		panic(fmt.Errorf("list this host's addresses: %w", err)) // serve answers for it
	}

	sendJSON(c, DebugHealth{Status: "ok", Debug: DebugAddresses{Hostname: a.options.Hostname, IP: firstAddress(addresses)}})
}

// firstAddress returns the first address that isn't a loopback one, or 127.0.0.1.
func firstAddress(addresses []net.Addr) string {
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLoopback() {
			return network.IP.String()
		}
	}

	return "127.0.0.1"
}

// livez answers whether the process runs.
//
//	@Summary	Whether the process runs
//	@Tags		health
//	@Produce	plain,application/problem+json
//	@Success	200	{string}	string	"ok"
//	@Failure	500	{object}	internalProblem
//	@Router		/livez [get]
//	@Router		/livez [head]
func (a *API) livez(c *gin.Context) {
	c.Header("Cache-Control", "no-store")
	c.String(http.StatusOK, "ok")
}

// readyz answers whether traffic may come.
//
//	@Summary	Whether traffic may come
//	@Tags		health
//	@Produce	plain,application/problem+json
//	@Success	200	{string}	string	"ok"
//	@Failure	500	{object}	internalProblem
//	@Failure	503	{object}	drainProblem
//	@Router		/readyz [get]
//	@Router		/readyz [head]
func (a *API) readyz(c *gin.Context) {
	if a.draining.Load() {
		fail(c, http.StatusServiceUnavailable, "", "this instance is shutting down; use another")

		return
	}

	c.Header("Cache-Control", "no-store")
	c.String(http.StatusOK, "ok")
}

// inWords returns a duration in days, hours, minutes and seconds, such as "2 hours, 3 minutes and 4 seconds".
func inWords(duration time.Duration) string {
	const hoursPerDay = 24

	var parts []string

	for _, unit := range []struct {
		name   string
		amount int
	}{
		{"day", int(duration.Hours()) / hoursPerDay},
		{"hour", int(duration.Hours()) % hoursPerDay},
		{"minute", int(duration % time.Hour / time.Minute)},
		{"second", int(duration % time.Minute / time.Second)},
	} {
		switch unit.amount {
		case 0:
		case 1:
			parts = append(parts, "1 "+unit.name)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", unit.amount, unit.name))
		}
	}

	switch last := len(parts) - 1; last {
	case -1:
		return "0 seconds"
	case 0:
		return parts[0]
	default:
		return strings.Join(parts[:last], ", ") + " and " + parts[last]
	}
}
