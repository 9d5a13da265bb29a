package testkit

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Tool returns the path of a tool that .tools/NAME.mod pins. Building it the first time takes minutes, so outside CI the test
// is skipped on a machine without Docker.
func Tool(tb testing.TB, name string) string {
	tb.Helper()

	if !InCI() {
		Program(tb, "install Docker, or set CI=true to build "+name+" without it", "docker")
	}

	path, err := proc.Tool(tb.Context(), Root(tb), name)
	require.NoError(tb, err)

	return path
}

// Python returns the path of a program from the packages of a requirements file, such as "st"; see [proc.Venv].
func Python(tb testing.TB, requirements, program string) string {
	tb.Helper()

	var output Buffer

	python := Program(tb, "install Python 3.11 or newer", "python3")

	bin, err := proc.Venv(tb.Context(), python, requirements, filepath.Join(Root(tb), ".build", "venv"), &output)
	if err != nil {
		Missing(tb, filepath.Base(requirements), err.Error()+": "+output.String())
	}

	return filepath.Join(bin, program)
}
