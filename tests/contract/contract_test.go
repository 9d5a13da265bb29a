// Package contract_test holds the API document against what runs: a property-based tester sends what the document allows
// and what it does not, and no answer may be undocumented.
package contract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/harness"
)

func TestNoAnswerIsUndocumented(t *testing.T) {
	t.Parallel()

	here := filepath.Join(harness.Root(t), "tests", "contract")
	tester := harness.Python(t, filepath.Join(here, "requirements.txt"), "st")
	url := os.Getenv("CLOCKMIRROR_URL")

	if url == "" {
		url = harness.Start(t, harness.Build(t, true), "CUSTOMER_NAME=A").URL
	}

	command := exec.CommandContext(t.Context(), tester, "run", strings.TrimSuffix(url, "/")+"/swagger/doc.json",
		"--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "100", "--continue-on-failure",
		"--generation-database", "none", "--no-color")

	command.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+here, "PYTHONDONTWRITEBYTECODE=1")
	command.Dir = t.TempDir()

	output, err := command.CombinedOutput()
	require.NoError(t, os.WriteFile(filepath.Join(harness.Artifacts(t, "contract"), "report.txt"), output, 0o600))
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "No issues found")
}
