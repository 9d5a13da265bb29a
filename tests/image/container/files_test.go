package container_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// write makes a file in a temporary folder and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()

	file := filepath.Join(t.TempDir(), name)
	writeTo(t, file, content)

	return file
}

func writeTo(t *testing.T, file, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
}

// copyTree copies files and folders of the given names from one folder to another.
func copyTree(t *testing.T, from, to string, names ...string) {
	t.Helper()

	for _, name := range names {
		source, target := filepath.Join(from, name), filepath.Join(to, name)

		info, err := os.Stat(source)
		require.NoError(t, err)

		if info.IsDir() {
			require.NoError(t, os.CopyFS(target, os.DirFS(source)))

			continue
		}

		content, err := os.ReadFile(source)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(target, content, 0o600))
	}
}
