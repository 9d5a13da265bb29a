// Package push_test rehearses pushes, and interrupts rehearsals: no requests are counted meanwhile.
package push_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

// A push to the remote is rehearsed if the pipeline's trigger accepts it.
func TestPush(t *testing.T) {
	t.Parallel()
	rehearsaltest.Machine(t)

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
	rehearsaltest.ShareEmulator(t, clone)
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

	rehearsaltest.RequireNothingLeft(t, clone, rehearsaltest.ID(t, words))
}
