package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Patience limits how long a test waits for something: long enough for a busy machine.
const Patience = 30 * time.Second

// pause is the time between two attempts.
const pause = 5 * time.Millisecond

// Build builds the program and returns its path. With race it has the race detector; outside CI, only if there is a C
// compiler. Without -trimpath it shares what the unit tests have compiled.
func Build(tb testing.TB, race bool) string {
	tb.Helper()

	program, cgo := filepath.Join(tb.TempDir(), "clockmirror"), "CGO_ENABLED=0"
	arguments := []string{"go", "build", "-tags", "nomsgpack", "-ldflags", "-X main.version=1.2.3 -X main.revision=abc", "-o", program}

	if _, err := exec.LookPath("cc"); race && (err == nil || InCI()) {
		arguments, cgo = append(arguments, "-race"), "CGO_ENABLED=1"
	}

	if coverage() != "" {
		arguments = append(arguments, "-cover", "-covermode", "atomic", "-coverpkg", "./src/...")
	}

	Run(tb, Root(tb), "env", slices.Concat([]string{cgo}, arguments, []string{"./src/cmd/clockmirror"})...)

	return program
}

// coverage is the folder for the program's coverage data; empty if none is wanted.
func coverage() string { return os.Getenv("COVERAGE_DIR") }

// Server is the running program.
type Server struct {
	// URL and AdminURL don't end with a slash.
	URL, AdminURL string
	Command       *exec.Cmd

	output  Buffer
	process *proc.Process
}

// Start starts the program with the given variables, waits until it is ready, and stops it when the test ends.
func Start(tb testing.TB, program string, environ ...string) *Server {
	tb.Helper()

	return StartInto(tb, program, nil, environ...)
}

// StartInto is Start with a file for the output, such as a pipe; nil keeps it for Output.
func StartInto(tb testing.TB, program string, output *os.File, environ ...string) *Server {
	tb.Helper()

	port, admin := FreePort(tb), FreePort(tb)
	server := &Server{
		URL:      "http://127.0.0.1:" + strconv.Itoa(port),
		AdminURL: "http://127.0.0.1:" + strconv.Itoa(admin),
	}
	server.Command = exec.Command(program) //nolint:noctx // it is stopped by signal, below

	server.Command.Env = append([]string{fmt.Sprintf("PORT=%d", port), fmt.Sprintf("ADMIN_PORT=%d", admin), "DRAIN_DELAY=0s", "GOCOVERDIR=" + coverage()}, environ...)
	server.Command.Stdout, server.Command.Stderr = &server.output, &server.output

	if output != nil {
		server.Command.Stdout = output
	}

	process, err := proc.Start(server.Command)
	require.NoError(tb, err)

	server.process = process

	tb.Cleanup(func() {
		if coverage() != "" { // it is written at a normal exit
			_ = process.End(syscall.SIGTERM, Patience)
		}

		_ = process.Stop() // it may have ended long ago
	})

	ctx, cancel := context.WithTimeout(tb.Context(), Patience)
	defer cancel()

	require.NoError(tb, process.Await(ctx, pause, func() error { return Ready(ctx, server.URL) }), server.Output())

	return server
}

// Ready returns an error unless /readyz of the URL answers 200.
func Ready(ctx context.Context, url string) error {
	return proc.Answers(ctx, http.DefaultClient, url+"/readyz")
}

// Eventually calls try every 5 ms until it returns nil. After Patience it fails the test with the last error.
func Eventually(tb testing.TB, try func() error) {
	tb.Helper()
	EventuallyWithin(tb, Patience, try)
}

// Until waits, as Eventually does, until a condition holds. The test fails with the message if it never does.
func Until(tb testing.TB, condition func() bool, message string) {
	tb.Helper()
	Eventually(tb, func() error {
		if !condition() {
			return errors.New(message)
		}

		return nil
	})
}

// EventuallyWithin is Eventually with another time limit.
func EventuallyWithin(tb testing.TB, patience time.Duration, try func() error) {
	tb.Helper()

	ctx, cancel := context.WithTimeoutCause(tb.Context(), patience, fmt.Errorf("not within %s", patience))
	defer cancel()

	require.NoError(tb, proc.Await(ctx, pause, try))
}

// Terminate sends SIGTERM.
func (s *Server) Terminate(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, s.Command.Process.Signal(syscall.SIGTERM))
}

// ExitCode waits for the program's end and returns its exit code.
func (s *Server) ExitCode(tb testing.TB) int {
	tb.Helper()

	select {
	case <-s.process.Done():
	case <-time.After(Patience):
		tb.Fatalf("the program still runs after %s: %s", Patience, s.Output())
	}

	return s.Command.ProcessState.ExitCode()
}

// Output returns what the program has printed.
func (s *Server) Output() string { return s.output.String() }

// Buffer is a bytes.Buffer that a program can write to while a test reads it.
type Buffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	return b.buffer.Write(data)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	return b.buffer.String()
}
