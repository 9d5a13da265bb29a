package testkit

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Provider starts the AWS provider that `terraform init` has found for the stack in folder, and returns the value of
// TF_REATTACH_PROVIDERS with which Terraform uses it until the test ends. A command would start one three or four times, at a second
// of CPU each. All commands have to be for one configuration of the provider.
func Provider(tb testing.TB, folder string, environ []string) string {
	tb.Helper()

	const variable = "TF_REATTACH_PROVIDERS="

	programs, err := filepath.Glob(filepath.Join(folder, ".terraform", "providers", "registry.terraform.io", "hashicorp", "aws", "*", "*", "terraform-provider-aws_*"))
	require.NoError(tb, err)
	require.Len(tb, programs, 1)

	command := exec.Command(programs[0], "-debug") //nolint:noctx // it ends with the test
	// A provider that is configured twice can't take the same certificates a second time; the emulator has none.
	command.Env = slices.DeleteFunc(slices.Clone(environ), func(setting string) bool { return strings.HasPrefix(setting, "AWS_CA_BUNDLE=") })

	stdout, err := command.StdoutPipe()
	require.NoError(tb, err)

	provider, err := proc.Start(command)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = provider.Stop() })

	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if value, found := strings.CutPrefix(strings.TrimSpace(lines.Text()), variable); found {
			return strings.Trim(value, "'")
		}
	}

	require.Fail(tb, "the provider does not say how to reach it")

	return ""
}
