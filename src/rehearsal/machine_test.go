package rehearsal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
)

// What is missing is named, all at once, with how to get it.
func TestMissing(t *testing.T) {
	git, err := exec.LookPath("git")
	require.NoError(t, err)

	bin := t.TempDir()
	require.NoError(t, os.Symlink(git, filepath.Join(bin, "git")))
	t.Setenv("PATH", bin)

	err = rehearsal.Requirements(t.Context(), t.TempDir())
	require.Error(t, err)

	lines := strings.Split(err.Error(), "\n")
	assert.Equal(t, "docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install", lines[0])
	assert.Contains(t, lines, "terraform is missing: see https://developer.hashicorp.com/terraform/install")
	assert.Contains(t, lines, "python3 is missing: install Python 3.10 or newer")
}
