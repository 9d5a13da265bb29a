// Package harness is what the black-box tests share: where the repository is, what a machine must have, free ports,
// and where a run keeps what it shows to people.
package harness

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Root returns the absolute path of the repository.
func Root(tb testing.TB) string {
	tb.Helper()

	_, file, _, ok := runtime.Caller(0)
	require.True(tb, ok, "this file's own path is not known")

	return filepath.Join(filepath.Dir(file), "..", "..")
}

// InCI reports whether this is a continuous integration run, where nothing may be skipped.
func InCI() bool { return os.Getenv("CI") != "" }

// Missing ends the test because the machine lacks something: a skip on a person's machine, a failure in CI.
// What says what is missing and how says where it comes from, such as "apt-get install haproxy".
func Missing(tb testing.TB, what, how string) {
	tb.Helper()

	if InCI() {
		tb.Fatalf("%s is missing, and nothing may be skipped in CI: %s", what, how)
	}

	tb.Skipf("%s is missing: %s", what, how)
}

// Program returns the path of the first of the named programs that is on the PATH, or ends the test as Missing does.
func Program(tb testing.TB, how string, names ...string) string {
	tb.Helper()

	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}

	Missing(tb, names[0], how)

	return ""
}

// Artifacts returns a folder, made if need be, in which a run keeps what people look at afterwards: .build/artifacts/NAME.
func Artifacts(tb testing.TB, name string) string {
	tb.Helper()

	folder := filepath.Join(Root(tb), ".build", "artifacts", name)
	require.NoError(tb, os.MkdirAll(folder, 0o750))

	return folder
}

// FreePort returns a TCP port of 127.0.0.1 that was free a moment ago.
func FreePort(tb testing.TB) int {
	tb.Helper()

	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)

	defer func() { require.NoError(tb, listener.Close()) }()

	address, ok := listener.Addr().(*net.TCPAddr)
	require.True(tb, ok)

	return address.Port
}
