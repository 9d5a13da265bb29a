package testkit

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tool returns the path of a tool that .tools/NAME.mod pins. Go builds it when it is used first.
func Tool(tb testing.TB, name string) string {
	tb.Helper()

	command := exec.CommandContext(tb.Context(), "go", "tool", "-n", "-modfile="+filepath.Join(".tools", name+".mod"), name)
	command.Dir = Root(tb)

	output, err := command.Output()
	require.NoError(tb, err, "build the tool %s", name)

	return strings.TrimSpace(string(output))
}
