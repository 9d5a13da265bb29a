package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

const (
	// maxHeaderBytes bounds the request line and the headers together; a browser with many cookies sends 8 KiB.
	maxHeaderBytes = 16 << 10
	// idleTimeout outlasts the 60 s of an ALB, so that it is never we who close a connection that it is about to use.
	idleTimeout = 75 * time.Second
)

// servers are the public server and the one for operators, each with its listener.
type servers struct {
	public, admin         *http.Server
	publicPort, adminPort net.Listener
}

func newServers(
	timeout time.Duration, public *api.API, publicPort net.Listener, admin http.Handler, adminPort net.Listener, logger *slog.Logger,
) *servers {
	errorLog := slog.NewLogLogger(logger.Handler(), slog.LevelWarn)

	return &servers{
		publicPort: publicPort, adminPort: adminPort,
		public: &http.Server{
			Handler: public, ConnState: public.ConnState, DisableGeneralOptionsHandler: true,
			ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout:  timeout,
			WriteTimeout: timeout + timeout, // to make the answer, and to send it
		},
		admin: &http.Server{
			Handler: admin, ErrorLog: errorLog, MaxHeaderBytes: maxHeaderBytes, IdleTimeout: idleTimeout,
			ReadTimeout: timeout, // and no bound on writing: a profile takes as long as it is told to
		},
	}
}

// untilDone serves until ctx is done, drains, and then gives the requests in flight the timeout to end. It returns early
// when a server fails.
func (s *servers) untilDone(ctx context.Context, drain func(), timeout time.Duration) error {
	serving, failed := errgroup.WithContext(ctx)

	serving.Go(func() error { return serveOn(s.public, s.publicPort) })
	serving.Go(func() error { return serveOn(s.admin, s.adminPort) })

	<-failed.Done()

	if ctx.Err() != nil {
		drain() // load balancers learn from /readyz that no more traffic should come
	}

	err := s.stop(context.WithoutCancel(ctx), timeout)

	return errors.Join(err, serving.Wait())
}

// stop waits for public requests alone: whoever takes a profile must not hold the stop.
func (s *servers) stop(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var err error
	if cut := s.public.Shutdown(ctx); cut != nil {
		err = errors.Join(fmt.Errorf("requests were cut after %s: %w", timeout, cut), s.public.Close())
	}

	if closed := s.admin.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close ADMIN_PORT: %w", closed))
	}

	return err
}

func serveOn(server *http.Server, listener net.Listener) error {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", listener.Addr(), err)
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
