package proc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

const (
	patience = 30 * time.Second
	pause    = 10 * time.Millisecond
)

// shell starts a script that has come to its point when the file ready is in its folder, which is returned.
func shell(t *testing.T, script string) (process *proc.Process, folder string) {
	t.Helper()

	folder = t.TempDir()
	command := exec.Command("sh", "-c", script) //nolint:noctx // it is stopped below
	command.Dir = folder
	process, err := proc.Start(command)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Stop()) })

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	require.NoError(t, process.Await(ctx, pause, func() error {
		_, err := os.Stat(filepath.Join(folder, "ready"))

		return err
	}))

	return process, folder
}

func TestProcess(t *testing.T) {
	t.Parallel()

	t.Run("Stop ends what the program has started too", func(t *testing.T) {
		t.Parallel()

		process, folder := shell(t, "sleep 300 & echo $! >child; touch ready; wait")
		assert.Len(t, proc.In(folder), 2)
		require.NoError(t, process.Stop())
		require.NoError(t, process.Stop(), "a second Stop finds nothing to do")

		// A killed child is gone once its new parent has reaped it.
		text, err := os.ReadFile(filepath.Join(folder, "child"))
		require.NoError(t, err)
		child, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		assert.NotContains(t, proc.In(folder), child)
	})

	t.Run("End lets the program end by itself", func(t *testing.T) {
		t.Parallel()

		process, folder := shell(t, `trap 'touch ended; exit 3' TERM; touch ready; while :; do sleep 0.01; done`)
		require.NoError(t, process.End(syscall.SIGTERM, patience))
		assert.FileExists(t, filepath.Join(folder, "ended"))

		var exit *exec.ExitError

		require.ErrorAs(t, process.Wait(), &exit)
		assert.Equal(t, 3, exit.ExitCode())
	})

	t.Run("End kills what ignores the signal, and says so", func(t *testing.T) {
		t.Parallel()

		process, _ := shell(t, `trap '' TERM; touch ready; while :; do sleep 0.01; done`)
		require.ErrorContains(t, process.End(syscall.SIGTERM, pause), "still runs 10ms after terminated")

		select {
		case <-process.Done():
		default:
			assert.Fail(t, "it still runs")
		}
	})

	t.Run("waiting for a program ends with it", func(t *testing.T) {
		t.Parallel()

		process, err := proc.Start(exec.CommandContext(t.Context(), "sh", "-c", "exit 3"))
		require.NoError(t, err)
		require.ErrorContains(t, process.Await(t.Context(), pause, func() error { return errors.New("not yet") }), "ended: exit status 3: not yet")
	})

	t.Run("a program that is not there is named", func(t *testing.T) {
		t.Parallel()

		_, err := proc.Start(exec.CommandContext(t.Context(), "/not/there"))
		require.ErrorContains(t, err, "start /not/there")
	})
}

func TestAwait(t *testing.T) {
	t.Parallel()

	calls := 0

	require.NoError(t, proc.Await(t.Context(), time.Microsecond, func() error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}

		return nil
	}))
	assert.Equal(t, 3, calls)

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("given up"))
	require.EqualError(t, proc.Await(ctx, time.Hour, func() error { return errors.New("not yet") }), "given up: not yet")
}

func TestAnswers(t *testing.T) {
	t.Parallel()

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()

	require.ErrorContains(t, proc.Answers(t.Context(), server.Client(), server.URL), "answers: 404 Not Found")
}

func TestWithoutGit(t *testing.T) {
	t.Parallel()

	assert.Equal(t, []string{"HOME=/root", "GITHUB=1"}, proc.WithoutGit([]string{"HOME=/root", "GIT_DIR=.", "GIT_CONFIG_COUNT=1", "GITHUB=1"}))
}

// A user's hooks, names and rules for safe folders do not matter, nor does the repository of a hook that this runs in.
func TestGit(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[user]\n\tname = Somebody\n[init]\n\tdefaultBranch = elsewhere\n"), 0o600))
	t.Setenv("HOME", home)
	t.Setenv("GIT_DIR", filepath.Join(home, "not-there"))

	folder := t.TempDir()
	for _, arguments := range [][]string{{"init", "--quiet", "--initial-branch", "master"}, {"commit", "--quiet", "--allow-empty", "--message", "First"}} {
		output, err := proc.Git(t.Context(), folder, arguments...).CombinedOutput()
		require.NoError(t, err, string(output))
	}

	output, err := proc.Git(t.Context(), folder, "log", "--format=%an %D").Output()
	require.NoError(t, err)
	assert.Equal(t, "A HEAD -> master\n", string(output))
}

func TestFind(t *testing.T) {
	t.Parallel()

	path, err := proc.Find("not-there", "sh")
	require.NoError(t, err)
	assert.Equal(t, "sh", filepath.Base(path))

	_, err = proc.Find("not-there", "nor-this")
	require.EqualError(t, err, "not-there is missing")
}

// A stand-in for Python counts how often an environment is made.
func TestVenv(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	python, requirements := filepath.Join(folder, "python"), filepath.Join(folder, "requirements.txt")
	require.NoError(t, os.WriteFile(python, fmt.Appendf(nil, `#!/bin/sh
[ "$2" = pip ] || { echo made >>%[1]s/log && mkdir -p "$4/bin" && cp %[1]s/python "$4/bin/python"; }
`, folder), 0o700))
	require.NoError(t, os.WriteFile(requirements, []byte("a==1\n"), 0o600))

	venvs := filepath.Join(folder, "venvs")
	first, err := proc.Venv(t.Context(), python, requirements, venvs, os.Stderr)
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(first, "python"))

	again, err := proc.Venv(t.Context(), python, requirements, venvs, os.Stderr)
	require.NoError(t, err)
	assert.Equal(t, first, again)

	require.NoError(t, os.WriteFile(requirements, []byte("a==2\n"), 0o600))
	changed, err := proc.Venv(t.Context(), python, requirements, venvs, os.Stderr)
	require.NoError(t, err)
	assert.NotEqual(t, first, changed)

	log, err := os.ReadFile(filepath.Join(folder, "log"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(log), "made"))
}
