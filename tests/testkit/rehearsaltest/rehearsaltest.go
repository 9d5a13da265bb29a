// Package rehearsaltest is what tests of whole rehearsals share.
package rehearsaltest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Machine ends the test if the machine lacks what a rehearsal needs.
func Machine(t *testing.T) {
	t.Helper()

	if err := rehearsal.Requirements(t.Context(), testkit.Root(t)); err != nil {
		testkit.Missing(t, "what a rehearsal needs", strings.ReplaceAll(err.Error(), "\n", "; "))
	}

	testkit.Docker(t).Toolbox(t)
}

// ShareEmulator lets a clone use the emulator that this checkout has installed.
func ShareEmulator(t *testing.T, clone string) {
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

// ID is that of the rehearsal that printed a text: the end of its folder of logs, which is named after the time and the rehearsal.
func ID(t *testing.T, printed string) string {
	t.Helper()

	found := regexp.MustCompile(`logs are in \S+/logs/\d+-\d+-(\S+)`).FindStringSubmatch(printed)
	require.NotNil(t, found, printed)

	return found[1]
}

// RequireNothingLeft checks that no container, process or folder of a rehearsal is left.
func RequireNothingLeft(t *testing.T, root, id string) {
	t.Helper()

	containers, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "ps", "--all", "--format", "{{.Names}} {{.Image}} {{.Labels}}").Output()
	require.NoError(t, err)
	assert.NotContains(t, string(containers), id)

	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)

	for _, process := range processes {
		if content, err := os.ReadFile(process); err == nil {
			assert.NotContains(t, string(content), id, "a process still runs")
		}
	}

	folder := filepath.Join(root, ".build", "rehearsal", "run-"+id)
	assert.Empty(t, proc.In(folder), "a process still runs")
	assert.NoDirExists(t, folder)
}
