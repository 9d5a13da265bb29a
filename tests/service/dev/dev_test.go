// Package dev_test checks the developer's loop: `make dev` serves what the code says now.
package dev_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// patience is for builds from nothing, of the tool and of the program, on a busy machine.
const patience = 2 * time.Minute

func TestDev(t *testing.T) {
	tree := testkit.Clone(t)
	handler := filepath.Join(tree, "src", "api", "echo.go")

	port := testkit.FreePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	output := start(t, tree, fmt.Sprintf("PORT=%d", port), fmt.Sprintf("ADMIN_PORT=%d", testkit.FreePort(t)))

	url += "/api/echo"

	const was, is = "such as ?text=foo", "such as ?text=bar"

	testkit.EventuallyWithin(t, patience, func() error { return says(t, url, was) })

	edit(t, handler, "package api", "package api }")
	testkit.Until(t, func() bool { return strings.Contains(output.String(), "failed to build") }, "no word of the error")
	testkit.EventuallyWithin(t, patience, func() error { return says(t, url, was) }) // what doesn't compile changes nothing

	edit(t, handler, "package api }", "package api", `echoed, "foo"`, `echoed, "bar"`)
	testkit.EventuallyWithin(t, patience, func() error { return says(t, url, is) })
}

// start runs `make dev` in a process group of its own, so that all of it can be ended.
func start(t *testing.T, tree string, environ ...string) *testkit.Buffer {
	t.Helper()

	var output testkit.Buffer

	command := exec.Command("make", "dev") //nolint:noctx // it is interrupted below, when the test ends
	command.Env = slices.Concat(os.Environ(), environ)
	command.Dir = tree
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = testkit.Patience // for output of what outlives it, which would be a fault

	process, err := proc.Start(command)
	require.NoError(t, err)

	t.Cleanup(func() { require.NoError(t, process.End(syscall.SIGINT, testkit.Patience), output.String()) })

	return &output
}

// edit replaces texts in a file, each by the one that follows it.
func edit(t *testing.T, file string, oldnew ...string) {
	t.Helper()

	content, err := os.ReadFile(file)
	require.NoError(t, err)

	edited := strings.NewReplacer(oldnew...).Replace(string(content))
	require.NotEqual(t, string(content), edited)
	require.NoError(t, os.WriteFile(file, []byte(edited), 0o600))
}

// says returns an error unless the URL's answer has the text in it.
func says(t *testing.T, url, text string) error {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	if err == nil && !strings.Contains(string(body), text) {
		err = fmt.Errorf("%s answers %s", url, body)
	}

	return err
}
