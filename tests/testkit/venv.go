package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Python returns the path of a program that the packages of a requirements file bring, such as "st". The file has a hash
// for every package. They are installed once, into .build/venv, in a folder named after what the file says.
func Python(tb testing.TB, requirements, program string) string {
	tb.Helper()

	python := Program(tb, "install Python 3.11 or newer", "python3")

	text, err := os.ReadFile(requirements)
	require.NoError(tb, err)

	hash := sha256.Sum256(text)
	folder := filepath.Join(Root(tb), ".build", "venv", hex.EncodeToString(hash[:8]))
	require.NoError(tb, os.MkdirAll(filepath.Dir(folder), 0o750))

	// Packages of tests run at the same time, in processes of their own.
	lock, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(tb, err)

	defer lock.Close()

	require.NoError(tb, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))

	done := filepath.Join(folder, "complete")
	if _, err = os.Stat(done); err != nil {
		for _, command := range [][]string{
			{python, "-m", "venv", "--clear", folder},
			{filepath.Join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements},
		} {
			if output, err := exec.CommandContext(tb.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
				Missing(tb, filepath.Base(requirements), "the Python packages can't be installed: "+string(output))
			}
		}

		require.NoError(tb, os.WriteFile(done, nil, 0o600))
	}

	return filepath.Join(folder, "bin", program)
}
