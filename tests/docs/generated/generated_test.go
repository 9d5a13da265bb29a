// Package generated_test holds what is generated and committed against what it is generated from.
package generated_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestTheDocumentIsFresh(t *testing.T) {
	t.Parallel()

	root, fresh := testkit.Root(t), t.TempDir()
	committed := filepath.Join(root, "src", "api", "docs")

	testkit.Run(t, root, filepath.Join(root, ".tools", "go-tool"), "swag", "init", "--quiet",
		"--generalInfo", "api.go", "--dir", "src/api", "--output", fresh, "--outputTypes", "go,json", "--packageName", "docs")

	files, err := os.ReadDir(committed)
	require.NoError(t, err)
	require.NotEmpty(t, files)

	for _, file := range files {
		have, err := os.ReadFile(filepath.Join(committed, file.Name()))
		require.NoError(t, err)

		want, err := os.ReadFile(filepath.Join(fresh, file.Name()))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, have), "%s is stale; run `make generate`", file.Name()) // the difference is for git to show
	}
}
