// Command clockmirror serves the clock mirror API. It takes its settings from the environment; see package config.
//
//	clockmirror              serve until SIGTERM, SIGHUP or an interrupt
//	clockmirror serve        the same
//	clockmirror healthcheck  exit 0 when the server on this host is ready for traffic, else 1
//	clockmirror healthcheck URL…
//	                         exit 0 when every URL answers 200, else 1: a check from another host that needs no curl
//	clockmirror version      print version, revision and time of the commit
//
// Exit codes: 0 for an orderly end, 1 for a failure, 2 for a wrong argument or variable.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

// Set by the linker; see the Makefile.
var (
	version  = "0.0.0-dev"
	revision = "unknown" //nolint:gochecknoglobals // the linker can set nothing else
	created  = "unknown" //nolint:gochecknoglobals // the linker can set nothing else
)

const (
	exitFailure = 1
	exitUsage   = 2
)

const usage = `usage: clockmirror [serve | healthcheck [URL…] | version]
`

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed log loses lines, but must not end the program

	signalled, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctx, cancel := context.WithCancel(context.Background())

	// A second signal ends the program at once, from before anybody can see that the first one came.
	context.AfterFunc(signalled, func() { stop(); cancel() })

	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the program without its process: it serves until ctx is done, and returns the exit code.
func run(ctx context.Context, arguments, environ []string, stdout, stderr io.Writer) int {
	build := telemetry.Build{Version: version, Revision: revision, Created: created}

	command, urls := "serve", []string(nil)
	if len(arguments) != 0 {
		command, urls = arguments[0], arguments[1:]
	}

	checks := command == "healthcheck"
	if !checks && (len(urls) != 0 || (command != "serve" && command != "version")) {
		fmt.Fprint(stderr, usage)

		return exitUsage
	}

	if command == "version" {
		fmt.Fprintf(stdout, "clockmirror %s, revision %s of %s\n", build.Version, build.Revision, build.Created)

		return 0
	}

	settings, err := config.Parse(environ)
	if err == nil {
		if checks {
			err = healthcheck(ctx, settings.Port, urls)
		} else {
			err = serve(ctx, settings, build, stdout)
		}
	}

	var wrong *config.Error

	switch {
	case errors.As(err, &wrong):
		fmt.Fprintln(stderr, wrong)

		return exitUsage
	case err != nil:
		fmt.Fprintln(stderr, "clockmirror:", err)

		return exitFailure
	default:
		return 0
	}
}
