// Package dev_test checks the developer's loop: `make dev` serves what the code says now.
package dev_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/harness"
)

// patience is for builds from nothing, of the tool and of the program, on a busy machine.
const patience = 5 * time.Minute

func TestDev(t *testing.T) {
	tree := copyTree(t)
	handler := filepath.Join(tree, "src", "api", "greeting.go")

	port := harness.FreePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	output := start(t, tree, fmt.Sprintf("PORT=%d", port), fmt.Sprintf("ADMIN_PORT=%d", harness.FreePort(t)))

	const was, is = "no customer is configured; set CUSTOMER_NAME", "nobody is at home"

	eventually(t, output, func() error { return says(t, url+"/greeting", was) })

	edit(t, handler, "package api", "package api }")
	eventually(t, output, func() error {
		if !strings.Contains(output.String(), "greeting.go:1") && !strings.Contains(output.String(), "failed to build") {
			return errors.New("no word of the error")
		}

		return nil
	})
	require.NoError(t, says(t, url+"/greeting", was), "what doesn't compile changes nothing")

	edit(t, handler, "package api }", "package api")
	edit(t, handler, was, is)
	eventually(t, output, func() error { return says(t, url+"/greeting", is) })
}

// copyTree copies what git knows of the repository, as it is now.
func copyTree(t *testing.T) string {
	t.Helper()

	listing := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	listing.Dir = harness.Root(t)
	files, err := listing.Output()
	require.NoError(t, err)

	tree := t.TempDir()

	for file := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(harness.Root(t), file))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}

		require.NoError(t, err)

		target := filepath.Join(tree, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o750))
		require.NoError(t, os.WriteFile(target, content, 0o600))
	}

	return tree
}

// start runs `make dev` in a process group of its own, so that all of it can be ended.
func start(t *testing.T, tree string, environ ...string) *harness.Buffer {
	t.Helper()

	var output harness.Buffer

	command := exec.Command("make", "dev") //nolint:noctx // it is interrupted below, when the test ends
	command.Dir, command.Env = tree, append(os.Environ(), environ...)
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, command.Start())

	t.Cleanup(func() {
		ended := make(chan struct{})

		go func() {
			_ = command.Wait() // interrupted, so it does not end well
			close(ended)
		}()

		_ = syscall.Kill(-command.Process.Pid, syscall.SIGINT)

		select {
		case <-ended:
		case <-time.After(harness.Patience):
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			<-ended
			t.Errorf("it does not end when it is interrupted: %s", output.String())
		}
	})

	return &output
}

func edit(t *testing.T, file, from, to string) {
	t.Helper()

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), from)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(content), from, to, 1)), 0o600))
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

func eventually(t *testing.T, output *harness.Buffer, try func() error) {
	t.Helper()

	deadline := time.After(patience)

	for {
		err := try()
		if err == nil {
			return
		}

		select {
		case <-deadline:
			t.Fatalf("still so after %s: %v\n%s", patience, err, output.String())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
