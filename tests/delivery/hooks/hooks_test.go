// Package hooks_test tests the checks before a commit, which `make hooks` installs.
package hooks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// change is text that a commit adds to a file, which may be new.
type change struct{ file, text string }

// Each check refuses the bad change and accepts the good one.
//
//nolint:gochecknoglobals // a table
var checks = []struct {
	name, complaint string
	bad, good       change
}{
	{
		"Go is formatted", "+var Added = 1",
		change{"src/echo/added.go", "package echo\n\nvar  Added = 1 // Added was.\n"},
		change{"src/echo/added.go", "package echo\n"},
	},
	{
		"Go is in style", "func unused is unused",
		change{"src/config/added.go", "package config\n\nfunc unused() {}\n"},
		change{"src/config/added.go", "package config\n"},
	},
	{
		"Terraform is formatted", "+locals { added = 1 }",
		change{".infra/ecr/added.tf", "locals { added=1 }\n"},
		change{".infra/ecr/added.tf", "locals { added = 1 }\n"},
	},
	{
		"scripts are in style", "Double quote to prevent globbing",
		change{"buildspec/added", "#!/bin/sh\nls $1\n"},
		change{"buildspec/added", "#!/bin/sh\nls \"$1\"\n"},
	},
	{
		"YAML is in style", "too many spaces after colon",
		change{"buildspec/added.yml", "a:   1\n"},
		change{"buildspec/added.yml", "a: 1\n"},
	},
	{
		"the Dockerfile is in style", "Use WORKDIR to switch to a directory",
		change{"Dockerfile", "RUN cd /tmp\n"},
		change{"Dockerfile", "# The end.\n"},
	},
	{
		"no secret is in it", "leaks found: 1",
		change{"src/key.txt", "key = AKI" + "AQ7Z4W2X5T6Y3R2UV\n"},
		change{"src/key.txt", "key = from the environment\n"},
	},
	{
		"what is generated is fresh", "swagger.json is stale; run `make generate`",
		change{"src/api/added.go", "package api\n\n// added is not routed.\n//\n//\t@Summary\tAdded\n//\t@Router\t\t/added [get]\nfunc (a *API) added() {}\n\nvar _ = (*API).added\n"},
		change{"src/api/added.go", "package api\n"},
	},
}

func TestHooks(t *testing.T) {
	t.Parallel()

	testkit.Program(t, "https://developer.hashicorp.com/terraform/install", "terraform")
	testkit.Program(t, "install Python 3.10 or newer", "python3")

	tree := testkit.Clone(t)

	install := exec.CommandContext(t.Context(), "make", "hooks")
	install.Dir, install.Env = tree, proc.WithoutGit(os.Environ())

	if output, err := install.CombinedOutput(); err != nil {
		testkit.Missing(t, "what `make hooks` installs", "PyPI has to be reachable: "+string(output))
	}

	// One commit with all bad changes is refused by each check; one with all good changes passes them all.
	for _, check := range checks {
		add(t, tree, check.bad)
	}

	said, err := commit(t, tree)
	require.Error(t, err, said)

	for _, check := range checks {
		assert.Contains(t, said, "✗ "+check.name)
		assert.Contains(t, said, check.complaint, check.name)
	}

	testkit.Git(t, tree, "reset", "--quiet", "--hard")

	for _, check := range checks {
		add(t, tree, check.good)
	}

	began := time.Now()
	said, err = commit(t, tree)
	require.NoError(t, err, said)
	t.Logf("a commit that all checks read took %s", time.Since(began).Round(time.Second/10))

	for _, check := range checks {
		assert.Contains(t, said, "✓ "+check.name)
	}

	// Unstaged changes and unchanged files are not checked.
	bad := checks[0].bad
	require.NoError(t, os.WriteFile(filepath.Join(tree, bad.file), []byte(bad.text), 0o600))
	add(t, tree, change{"notes.txt", "Nothing to check.\n"})

	said, err = commit(t, tree)
	require.NoError(t, err, said)
	assert.NotContains(t, said, checks[0].name)
}

// add applies a change and stages it.
func add(t *testing.T, tree string, change change) {
	t.Helper()

	file, err := os.OpenFile(filepath.Join(tree, change.file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(change.text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	testkit.Git(t, tree, "add", change.file)
}

// commit commits what is staged, and returns what git and the checks print.
func commit(t *testing.T, tree string) (string, error) {
	t.Helper()

	command := proc.Git(t.Context(), tree, "commit", "--message", "A change")
	command.Env = append(command.Env, "NO_COLOR=1")
	said, err := command.CombinedOutput()

	return string(said), err
}
