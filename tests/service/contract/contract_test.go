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

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestNoAnswerIsUndocumented(t *testing.T) {
	t.Parallel()

	here := filepath.Join(testkit.Root(t), "tests", "service", "contract")
	tester := testkit.Python(t, filepath.Join(here, "requirements.txt"), "st")
	url := os.Getenv("CLOCKMIRROR_URL")

	if url == "" {
		url = testkit.Start(t, testkit.Build(t, true), "CUSTOMER_NAME=A").URL
	}

	command := exec.CommandContext(t.Context(), tester, "--config-file", filepath.Join(here, "schemathesis.toml"), "run", strings.TrimSuffix(url, "/")+"/swagger/doc.json",
		"--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", "100", "--continue-on-failure",
		"--generation-database", "none", "--no-color")

	command.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+here, "PYTHONDONTWRITEBYTECODE=1")
	command.Dir = t.TempDir()

	output, err := command.CombinedOutput()
	require.NoError(t, os.WriteFile(filepath.Join(testkit.Artifacts(t, "contract"), "report.txt"), output, 0o600))
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "No issues found")
}
