package program_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// pipe returns both ends of a pipe, closed when the test ends.
func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()

	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })

	return reader, writer
}

// unreadLog fills the pipe and what waits for it, and asks on.
func unreadLog(t *testing.T, program string) {
	reader, writer := pipe(t)
	server := testkit.StartInto(t, program, writer)

	var clients sync.WaitGroup

	for range 8 {
		clients.Go(func() {
			for range 1500 {
				response, err := http.Get(server.URL + "/api/echo?text=12:22") //nolint:noctx // the server ends with the test
				if err != nil {
					t.Error(err)

					return
				}

				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()

				if response.StatusCode != http.StatusOK {
					t.Error(response.Status)
				}
			}
		})
	}

	clients.Wait()

	for _, probe := range []string{"/livez", "/readyz", "/health"} {
		assert.Equal(t, http.StatusOK, status(t, server.URL+probe))
	}

	assert.Regexp(t, `\nlog_lines_dropped_total [1-9]`, testkit.Get(t, server.AdminURL+"/metrics"))

	var read testkit.Buffer

	go func() { _, _ = io.Copy(&read, reader) }()

	testkit.Until(t, func() bool { return strings.Contains(read.String(), `"msg":"log lines were dropped","count":`) },
		"the log does not tell how many lines were dropped")
}

func unreadLogDoesNotHoldTheStop(t *testing.T, program string) {
	_, writer := pipe(t)
	server := testkit.StartInto(t, program, writer)

	for range 1000 {
		testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	}

	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t))
}

func closedLog(t *testing.T, program string) {
	reader, writer := pipe(t)
	server := testkit.StartInto(t, program, writer)
	require.NoError(t, reader.Close())
	require.NoError(t, writer.Close())

	testkit.Ask(t, server.URL+"/api/echo?text=12:22")
	testkit.Until(t, func() bool {
		return !strings.Contains(testkit.Get(t, server.AdminURL+"/metrics"), "\nlog_lines_dropped_total 0\n")
	}, "no line is lost")

	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t))
}
