package testkit

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/registry"
)

// Emulator starts an AWS emulator with these environment variables, and stops it when the test ends. Its log is among the
// artifacts of that name.
func Emulator(tb testing.TB, artifacts string, variables ...string) *emulator.Emulator {
	tb.Helper()

	python := Program(tb, "install Python 3.10 or newer", "python3")

	log, err := os.Create(filepath.Join(Artifacts(tb, artifacts), strings.ReplaceAll(tb.Name(), "/", "-")+"-emulator.log"))
	require.NoError(tb, err)

	// Not the test's own context, which ends before the cleanup of a failed test uses the emulator.
	aws, err := emulator.Start(context.WithoutCancel(tb.Context()), Root(tb), python, log, variables...)
	if err != nil && !InCI() {
		tb.Log(err)
		Missing(tb, "the AWS emulator", "it is installed from PyPI into .build; "+log.Name()+" says what went wrong")
	}

	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, aws.Stop()) })

	return aws
}

// Registry starts an image registry, stops it when the test ends, and returns its host and port.
func Registry(tb testing.TB) string {
	tb.Helper()

	address := "127.0.0.1:" + strconv.Itoa(FreePort(tb))
	server, err := registry.Start(tb.Context(), Tool(tb, "registry"), address, tb.TempDir())
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, server.Stop()) })

	return address
}

// Get returns the body of a URL that answers 200.
func Get(tb testing.TB, url string) string {
	tb.Helper()

	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(tb, err)

	response, err := http.DefaultClient.Do(request)
	require.NoError(tb, err)

	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	require.Equal(tb, http.StatusOK, response.StatusCode, string(body))

	return string(body)
}
