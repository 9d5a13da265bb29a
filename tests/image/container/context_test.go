package container_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What the engine gets as the build's context is copied out of it again.
func TestTheImagesBuildDoesNotReadTheRehearsal(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()

	build := testkit.Docker(t).Command(t.Context(), "build", "--file", "-", "--output", folder, testkit.Root(t))
	build.Stdin = strings.NewReader("FROM scratch\nCOPY . /\n")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	assert.FileExists(t, filepath.Join(folder, "src", "cmd", "clockmirror", "main.go"))
	assert.NoDirExists(t, filepath.Join(folder, "src", "rehearsal"))
	assert.NoDirExists(t, filepath.Join(folder, "src", "cmd", "rehearse"))
	assert.NoDirExists(t, filepath.Join(folder, "tests"))
}
