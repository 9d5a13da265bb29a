package rehearsal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A push to the remote is rehearsed if the pipeline's trigger accepts it.
func TestPush(t *testing.T) {
	requireMachine(t)

	clone := t.TempDir()
	git := func(arguments ...string) string { return testkit.Git(t, clone, arguments...) }
	change := func(name, text string) {
		file, err := os.OpenFile(filepath.Join(clone, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = file.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		git("add", "--all")
		git("commit", "--quiet", "--message", "Change "+name)
	}

	git("clone", "--quiet", "--shared", testkit.Root(t), ".")
	shareEmulator(t, clone)
	testkit.Run(t, clone, "make", "rehearse-remote")
	testkit.Run(t, clone, "make", "rehearse-remote") // again, as people do

	// What the branch was at before.
	git("--git-dir", ".build/rehearsal/remote.git", "fetch", "--quiet", ".", "HEAD:refs/heads/master")

	change("README.md", "\n")

	words := git("push", "rehearsal", "HEAD:master")
	assert.Contains(t, words, "a push to master of README.md does not start the pipeline")
	assert.NotContains(t, words, "Source ")

	change("src/echo/finding.go", "package echo\n\nfunc notCalled() {}\n")

	words = git("push", "rehearsal", "HEAD:master")
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
