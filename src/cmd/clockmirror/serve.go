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
	"strconv"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
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
	// slowReader is what a client on a bad line gets beyond the request timeout to take in its answer.
	slowReader = 20 * time.Second
	// exportTimeout bounds the last export of telemetry.
	exportTimeout = 2 * time.Second
)

// serve answers on both ports until ctx is done, then drains and stops.
func serve(ctx context.Context, settings config.Config, build telemetry.Build, stdout io.Writer) (err error) {
	started := time.Now()

	logger, flush := telemetry.NewLogger(stdout, settings.LogFormat, settings.LogLevel)
	defer func() { err = errors.Join(err, flush()) }()

	// Under a container's limit the collector works harder before the kernel kills.
	if _, limitErr := memlimit.Set(); limitErr != nil {
		logger.Debug("no memory limit from a control group", "reason", limitErr.Error())
	}

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

	errorLog := slog.NewLogLogger(logger.Handler(), slog.LevelWarn)
	servers := []*http.Server{
		{
			Handler: handler, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout: settings.RequestTimeout, WriteTimeout: settings.RequestTimeout + slowReader,
		},
		{
			Handler: adminHandler(metrics), ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout: settings.RequestTimeout, // and no bound on writing: a profile takes as long as it is told to
		},
	}

	serving, failed := errgroup.WithContext(ctx)
	for i, listener := range []net.Listener{api.Listener(public), admin} {
		serving.Go(func() error {
			if err := servers[i].Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
			}

			return nil
		})
	}

	if err = releaseStartupMemory(); err != nil {
		logger.Debug("the start's memory stays", "reason", err.Error())
	}

	<-failed.Done()

	if ctx.Err() != nil {
		drain(handler, settings.DrainDelay, logger)
	}

	err = shutdown(servers, settings.ShutdownTimeout)

	exporting, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()

	if lost := tracer.Shutdown(exporting); lost != nil {
		logger.Warn("spans were lost", "error", lost.Error()) // a collector that is away is no reason to exit red
	}

	logger.Info("stopped")

	return errors.Join(err, serving.Wait())
}

func listen(ctx context.Context, variable string, port uint16) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", ":"+strconv.Itoa(int(port)))
	if err != nil {
		return nil, fmt.Errorf("open %s %d: %w; stop what uses it, or choose another %s", variable, port, err, variable)
	}

	return listener, nil
}

// drain goes on serving while load balancers learn from /readyz that no more traffic should come.
func drain(handler *api.API, delay time.Duration, logger *slog.Logger) {
	handler.Drain()
	logger.Info("draining", "delay", delay.String())
	time.Sleep(delay)
}

// shutdown lets the requests in flight end, for as long as the timeout allows.
func shutdown(servers []*http.Server, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()

	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			return errors.Join(fmt.Errorf("requests were cut after %s: %w", timeout, err), server.Close())
		}
	}

	return nil
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
