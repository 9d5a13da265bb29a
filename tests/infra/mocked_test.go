package infra_test

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Each stack beside which there are tests passes them, and is valid without a warning.
func TestStacksAlone(t *testing.T) {
	t.Parallel()

	tests, err := filepath.Glob(filepath.Join(testkit.Root(t), ".infra", "*", "tests"))
	require.NoError(t, err)
	require.NotEmpty(t, tests)

	for _, folder := range tests {
		name := filepath.Base(filepath.Dir(folder))

		t.Run(name, func(t *testing.T) {
			t.Parallel()

			alone := newStack(t, name, machine())
			alone.init(t, tfexec.Backend(false))

			result, err := alone.Validate(t.Context())
			require.NoError(t, err)
			assert.Empty(t, result.Diagnostics)

			output, complaint, err := alone.run(t, alone.ExecPath(), "test", "-no-color")
			require.NoError(t, err, output+complaint)
			t.Log(output)
		})
	}
}
