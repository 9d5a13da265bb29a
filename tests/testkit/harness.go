// Package testkit is shared by the black-box tests: the repository and its clones, required programs, servers and clients, and
// the folder of reports.
package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Root returns the absolute path of the repository: a test begins in the folder of its package.
func Root(tb testing.TB) string {
	tb.Helper()

	folder, err := os.Getwd()
	require.NoError(tb, err)

	for {
		if _, err = os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}

		parent := filepath.Dir(folder)
		require.NotEqual(tb, parent, folder, "the test runs outside of the repository")

		folder = parent
	}
}

// Clone returns the folder of a copy of the repository as it is now, committed on the branch master.
func Clone(tb testing.TB) string {
	tb.Helper()

	tree := tb.TempDir()

	for _, file := range Files(tb) {
		info, err := os.Stat(filepath.Join(Root(tb), file))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}

		require.NoError(tb, err)

		content, err := os.ReadFile(filepath.Join(Root(tb), file))
		require.NoError(tb, err)

		target := filepath.Join(tree, file)
		require.NoError(tb, os.MkdirAll(filepath.Dir(target), 0o750))
		require.NoError(tb, os.WriteFile(target, content, info.Mode().Perm()))
	}

	Git(tb, tree, "init", "--quiet", "--initial-branch", "master")
	Git(tb, tree, "add", "--all")
	Git(tb, tree, "commit", "--quiet", "--message", "Initial commit")

	return tree
}

// Files lists the repository's files, committed or new, that match Git's patterns; without a pattern, all of them.
func Files(tb testing.TB, patterns ...string) []string {
	tb.Helper()

	return strings.Fields(Git(tb, Root(tb), append([]string{"ls-files", "--cached", "--others", "--exclude-standard"}, patterns...)...))
}

// Git runs git, isolated from the user's Git configuration, and returns what it prints.
func Git(tb testing.TB, folder string, arguments ...string) string {
	tb.Helper()

	output, err := proc.Git(tb.Context(), folder, arguments...).CombinedOutput()
	require.NoError(tb, err, string(output))

	return string(output)
}

// Run runs a program in a folder, and returns what it prints.
func Run(tb testing.TB, folder, program string, arguments ...string) string {
	tb.Helper()

	command := exec.CommandContext(tb.Context(), program, arguments...)
	command.Dir, command.Env = folder, proc.WithoutGit(os.Environ())

	output, err := command.CombinedOutput()
	require.NoError(tb, err, string(output))

	return string(output)
}

// InCI reports whether this is a run of continuous integration, in which no test may be skipped.
func InCI() bool { return os.Getenv("CI") != "" }

// Alone runs a package's tests while no other package's run that calls it: those that count seconds under load. `make test` runs nothing
// else beside them. It returns the exit code for TestMain.
func Alone(m *testing.M) int {
	lock := flock.New(filepath.Join(os.TempDir(), "clockmirror-tests-"+strconv.Itoa(os.Getuid())+".lock"))
	if err := lock.Lock(); err != nil {
		panic(err)
	}

	defer func() { _ = lock.Unlock() }()

	return m.Run()
}

// Missing ends the test because the machine lacks something: in CI the test fails, elsewhere it is skipped. How says how to
// get it, such as "apt-get install haproxy".
func Missing(tb testing.TB, what, how string) {
	tb.Helper()

	if InCI() {
		tb.Fatalf("%s is missing, and no test may be skipped in CI: %s", what, how)
	}

	tb.Skipf("%s is missing: %s", what, how)
}

// Program returns the path of the first of the named programs that is on the PATH, or ends the test as Missing does.
func Program(tb testing.TB, how string, names ...string) string {
	tb.Helper()

	path, err := proc.Find(names...)
	if err != nil {
		Missing(tb, names[0], how)
	}

	return path
}

// Artifacts returns a folder for logs and reports of a run, .build/artifacts/NAME, and creates it if needed.
func Artifacts(tb testing.TB, name string) string {
	tb.Helper()

	folder := filepath.Join(Root(tb), ".build", "artifacts", name)
	require.NoError(tb, os.MkdirAll(folder, 0o750))

	return folder
}

// FreePort returns a TCP port of 127.0.0.1 that was just free.
func FreePort(tb testing.TB) int {
	tb.Helper()

	free, err := proc.Free(tb.Context(), 1)
	require.NoError(tb, err)

	return free[0]
}
