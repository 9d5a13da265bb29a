package rehearsal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A push to the remote is rehearsed as a push to the Git host is run: if the trigger takes it.
func TestPush(t *testing.T) {
	requireMachine(t)

	clone := t.TempDir()
	run := func(program string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), program, arguments...)
		command.Dir = clone

		command.Env = append(proc.WithoutGit(os.Environ()),
			"GIT_AUTHOR_NAME=Rehearsal", "GIT_AUTHOR_EMAIL=rehearsal@example.com", "GIT_COMMITTER_NAME=Rehearsal", "GIT_COMMITTER_EMAIL=rehearsal@example.com",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")

		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))

		return string(output)
	}
	change := func(name, text string) {
		file, err := os.OpenFile(filepath.Join(clone, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = file.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		run("git", "add", "--all")
		run("git", "commit", "--quiet", "--message", "Change "+name)
	}

	run("git", "clone", "--quiet", "--shared", testkit.Root(t), ".")
	shareEmulator(t, clone)
	run("make", "rehearse-remote")
	run("make", "rehearse-remote") // again, as people do

	// What the branch was at before.
	run("git", "--git-dir", ".build/rehearsal/remote.git", "fetch", "--quiet", ".", "HEAD:refs/heads/master")

	change("README.md", "\n")

	words := run("git", "push", "rehearsal", "HEAD:master")
	assert.Contains(t, words, "a push to master of README.md does not start the pipeline")
	assert.NotContains(t, words, "Source ")

	change("src/clock/finding.go", "package clock\n\nfunc notCalled() {}\n")

	words = run("git", "push", "rehearsal", "HEAD:master")
	assert.Regexp(t, `(?m)^remote: Source +Source +ok +[0-9a-f]{7}  1 files changed`, words)
	assert.Regexp(t, `(?m)^remote: Test +StaticAnalysis +RED`, words)
	assert.Regexp(t, `(?m)^remote: Test +UnitTest +ok`, words)
	assert.Contains(t, words, "func notCalled is unused")
	assert.NotContains(t, words, "Build  ")

	id := logsLine.FindStringSubmatch(words)
	require.NotNil(t, id, words)
	requireNothingLeft(t, clone, id[1])
}

// shareEmulator lets a clone use the emulator that this checkout has installed.
func shareEmulator(t *testing.T, clone string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(clone, ".build", "emulator"), 0o750))

	installed, err := filepath.Glob(filepath.Join(testkit.Root(t), ".build", "emulator", "*"))
	require.NoError(t, err)

	for _, folder := range installed {
		if !strings.HasSuffix(folder, ".lock") {
			require.NoError(t, os.Symlink(folder, filepath.Join(clone, ".build", "emulator", filepath.Base(folder))))
		}
	}
}
