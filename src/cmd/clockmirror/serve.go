package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.opentelemetry.io/otel"
	"golang.org/x/sync/errgroup"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

const (
	// maxHeaderBytes bounds the request line and the headers together; a browser with many cookies sends 8 KiB.
	maxHeaderBytes = 16 << 10
	// idleTimeout outlasts the 60 s of an ALB, so that it is never we who close a connection that it is about to use.
	idleTimeout = 75 * time.Second
	// gcPercent is how much the heap may grow, in per cent of what lives, or of 4 MiB if that is more.
	gcPercent = 200
	// exportTimeout bounds the last export of telemetry.
	exportTimeout = 2 * time.Second
)

// serve answers on both ports until ctx is done, then drains and stops.
func serve(ctx context.Context, settings config.Config, build telemetry.Build, stdout io.Writer) (err error) {
	started := time.Now()

	logger, flush := telemetry.NewLogger(stdout, settings.LogFormat, settings.LogLevel)
	defer func() { err = errors.Join(err, flush()) }()

	// The heap is so small that under load it is collected a hundred times a second. Let it grow to eight MiB before: that
	// is what this setting means for it. Under a container's limit the collector works harder before the kernel kills.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	if _, limitErr := memlimit.Set(); limitErr != nil {
		logger.Debug("no memory limit from a control group", "reason", limitErr.Error())
	}

	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(lost error) { // the SDK knows no other place to tell
		logger.Warn("spans were lost", "error", lost.Error()) // a collector that is away is no failure of ours
	}))

	tracer, err := telemetry.NewTracer(ctx, settings.Traces, build)
	if err != nil {
		return fmt.Errorf("set up traces: %w", err)
	}

	hostname, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find out this host's name: %w", err)
	}

	metrics := telemetry.NewMetrics(build)

	shouter, stopShouter := newShouter(settings.Shout, metrics)
	defer func() { err = errors.Join(err, stopShouter()) }()

	handler, err := api.New(api.Options{
		Build: build, Logger: logger, Metrics: metrics, Tracer: tracer,
		Service: settings.Traces.Service, Hostname: hostname, Started: started, HealthLabels: settings.HealthLabels,
		Greeting: settings.Greetings[settings.CustomerName], Shouter: shouter,
		RequestTimeout: settings.RequestTimeout, MaxInFlight: settings.MaxInFlight, TrustedProxies: settings.TrustedProxies,
	})
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}

	public, err := listen(ctx, "PORT", settings.Port)
	if err != nil {
		return err
	}

	admin, err := listen(ctx, "ADMIN_PORT", settings.AdminPort)
	if err != nil {
		return errors.Join(err, public.Close())
	}

	logger.Info(
		"serving", "version", build.Version, "revision", build.Revision, "created", build.Created,
		"go", runtime.Version(), "config", settings,
	)

	go func() { // beside the first requests, not before them
		if kept := releaseStartupMemory(); kept != nil {
			logger.Debug("the memory of the start is kept", "reason", kept.Error())
		}
	}()

	servers := newServers(settings, handler, adminHandler(metrics), logger)

	err = untilDone(ctx, servers, []net.Listener{api.Listener(public), admin}, func() {
		handler.Drain()
		logger.Info("draining", "delay", settings.DrainDelay.String())
		time.Sleep(settings.DrainDelay)
	}, settings.ShutdownTimeout)

	exporting, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()

	if lost := tracer.Shutdown(exporting); lost != nil {
		otel.Handle(lost)
	}

	logger.Info("stopped")

	return err
}

// newServers returns the public server and the one for operators.
func newServers(settings config.Config, public, admin http.Handler, logger *slog.Logger) []*http.Server {
	errorLog := slog.NewLogLogger(logger.Handler(), slog.LevelWarn)

	return []*http.Server{
		{
			Handler: public, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout:  settings.RequestTimeout,
			WriteTimeout: settings.RequestTimeout + settings.RequestTimeout, // to make the answer, and to send it
		},
		{
			Handler: admin, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout: settings.RequestTimeout, // and no bound on writing: a profile takes as long as it is told to
		},
	}
}

// untilDone serves until ctx is done, drains, and then gives the requests in flight the timeout to end. It returns early
// when a server fails.
func untilDone(
	ctx context.Context, servers []*http.Server, listeners []net.Listener, drain func(), timeout time.Duration,
) error {
	serving, failed := errgroup.WithContext(ctx)
	for i, server := range servers {
		serving.Go(func() error {
			if err := server.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", listeners[i].Addr(), err)
			}

			return nil
		})
	}

	<-failed.Done()

	if ctx.Err() != nil {
		drain() // load balancers learn from /readyz that no more traffic should come
	}

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()

	var err error

	for _, server := range servers {
		if cut := server.Shutdown(ending); cut != nil {
			err = errors.Join(err, fmt.Errorf("requests were cut after %s: %w", timeout, cut), server.Close())
		}
	}

	return errors.Join(err, serving.Wait())
}

func listen(ctx context.Context, variable string, port uint16) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, fmt.Errorf("open %s %d: %w; stop what uses it, or choose another %s", variable, port, err, variable)
	}

	return listener, nil
}

// adminHandler serves what operators need and the world must not see.
func adminHandler(metrics *telemetry.Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)

	return mux
}
