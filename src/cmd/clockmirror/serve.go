package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.opentelemetry.io/otel"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

const (
	// gcPercent is how much the heap may grow, in per cent of what lives, or of 4 MiB if that is more.
	gcPercent = 200
	// exportTimeout bounds the last export of telemetry.
	exportTimeout = 2 * time.Second
)

// serve answers on both ports until ctx is done, then drains and stops.
func serve(ctx context.Context, settings config.Config, build telemetry.Build, stdout io.Writer) (err error) {
	started := time.Now()

	logger, lines := telemetry.NewLogger(stdout, settings.LogFormat, settings.LogLevel)
	defer lines.Close()

	metrics := telemetry.NewMetrics(build)
	metrics.CountDroppedLines(lines)

	limitMemory(logger)

	tracer, err := newTracer(ctx, settings.Traces, build, logger)
	if err != nil {
		return err
	}
	defer exportSpans(context.WithoutCancel(ctx), tracer)

	parts, err := newParts(settings, metrics, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.stop()) }()

	handler, err := newAPI(settings, api.Options{
		Build: build, Logger: logger, Metrics: metrics, Tracer: tracer, Parts: parts.all, Budget: newBudget(settings, parts.memory), Started: started,
	})
	if err != nil {
		return err
	}

	servers, err := listen(ctx, settings, handler, adminHandler(metrics), logger)
	if err != nil {
		return err
	}

	logger.Info(
		"serving", "version", build.Version, "revision", build.Revision, "created", build.Created,
		"go", runtime.Version(), "config", settings,
	)
	defer logger.Info("stopped")

	return servers.untilDone(ctx, func() {
		handler.Drain()
		logger.Info("draining", "delay", settings.DrainDelay.String())
		time.Sleep(settings.DrainDelay)
	}, settings.ShutdownTimeout)
}

// limitMemory makes the collector work harder before a container's limit is reached, and less often before that: the heap
// is so small that under load it would be collected a hundred times a second.
func limitMemory(logger *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	if _, err := memlimit.Set(); err != nil {
		logger.Debug("no memory limit from a control group", "reason", err.Error())
	}
}

func newTracer(ctx context.Context, settings config.Traces, build telemetry.Build, logger *slog.Logger) (*telemetry.Tracer, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(lost error) { // the SDK has no other place to report it
		logger.Warn("spans were lost", "error", lost.Error()) // a collector that is away is no failure of ours
	}))

	tracer, err := telemetry.NewTracer(ctx, settings, build)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}

	return tracer, nil
}

// exportSpans sends the last spans.
func exportSpans(ctx context.Context, tracer *telemetry.Tracer) {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()

	if lost := tracer.Shutdown(ctx); lost != nil {
		otel.Handle(lost)
	}
}

// newAPI adds to the options what the settings say.
func newAPI(settings config.Config, options api.Options) (*api.API, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find out this host's name: %w", err)
	}

	options.Service, options.Hostname, options.HealthLabels = settings.Traces.Service, hostname, settings.HealthLabels
	options.RequestTimeout, options.MaxInFlight = settings.RequestTimeout, settings.MaxInFlight
	options.TrustedProxies = settings.TrustedProxies

	handler, err := api.New(options)
	if err != nil {
		return nil, fmt.Errorf("set up the API: %w", err)
	}

	return handler, nil
}

// newBudget follows from the memory limit, of which caches take some bytes, and from MAX_CONNECTIONS where it is set.
func newBudget(settings config.Config, caches int64) api.Budget {
	const unchanged = -1

	budget := api.NewBudget(debug.SetMemoryLimit(unchanged), caches)
	if settings.MaxConnections != 0 {
		budget.Connections = settings.MaxConnections
	}

	return budget
}

// listen opens both ports.
func listen(ctx context.Context, settings config.Config, public *api.API, admin http.Handler, logger *slog.Logger) (*servers, error) {
	publicPort, err := open(ctx, "PORT", settings.Port)
	if err != nil {
		return nil, err
	}

	adminPort, err := open(ctx, "ADMIN_PORT", settings.AdminPort)
	if err != nil {
		return nil, errors.Join(err, publicPort.Close())
	}

	return newServers(settings.RequestTimeout, public, public.Listener(publicPort), admin, adminPort, logger), nil
}

func open(ctx context.Context, variable string, port uint16) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, fmt.Errorf("open %s %d: %w; stop what uses it, or choose another %s", variable, port, err, variable)
	}

	return listener, nil
}
