package pipeline_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A download that is not what was pinned is not installed; what the machine has in the right version is used.
func TestInstallTools(t *testing.T) {
	t.Parallel()

	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		asked <- request.URL.Path

		_, _ = io.WriteString(answer, "something else")
	}))
	t.Cleanup(server.Close)

	// A machine without the tools: only the system's own programs.
	bare := []string{"PATH=/usr/bin:/bin", "GO_DOWNLOADS=" + server.URL, "TERRAFORM_DOWNLOADS=" + server.URL}

	for tool, want := range map[string]string{
		"go":        "/go1.26.8.linux-",
		"terraform": "/1.11.4/terraform_1.11.4_linux_",
	} {
		folder := copyScript(t, "buildspec/install-tools")
		_, complaint, err := runIn(t, folder, bare, "buildspec/install-tools", tool)
		require.Error(t, err, "%s is installed without a matching checksum", tool)
		assert.Contains(t, complaint, "is pinned: not installed")
		assert.Contains(t, <-asked, want)

		left, err := os.ReadDir(filepath.Join(folder, ".build", "tools"))
		require.NoError(t, err)
		require.Len(t, left, 1, "a part of the download is left")
		assert.Equal(t, "bin", left[0].Name())
	}

	// Programs that print the right versions.
	there := t.TempDir()
	script(t, filepath.Join(there, "go"), "echo go1.26.8")
	script(t, filepath.Join(there, "terraform"), "echo Terraform v1.11.4")

	right := append([]string{}, bare...)
	right[0] = "PATH=" + there + ":/usr/bin:/bin"
	_, complaint, err := runIn(t, copyScript(t, "buildspec/install-tools"), right, "buildspec/install-tools")
	require.NoError(t, err, complaint)
	assert.Empty(t, asked, "an installed tool is downloaded again")

	// Another version is not the right one.
	script(t, filepath.Join(there, "terraform"), "echo Terraform v1.11.3")
	_, _, err = runIn(t, copyScript(t, "buildspec/install-tools"), right, "buildspec/install-tools")
	require.Error(t, err)
	assert.Contains(t, <-asked, "terraform_1.11.4")

	_, complaint, err = runIn(t, copyScript(t, "buildspec/install-tools"), bare, "buildspec/install-tools", "terragrunt")
	require.Error(t, err)
	assert.Contains(t, complaint, "there is no tool terragrunt here; known are go and terraform")
}

// The Go that the pipeline installs is the one that the image is built with, and new enough for every tool.
func TestPinsAgree(t *testing.T) {
	t.Parallel()

	content, err := os.ReadFile(filepath.Join(testkit.Root(t), "buildspec", "install-tools"))
	require.NoError(t, err)

	dockerfile, err := os.ReadFile(filepath.Join(testkit.Root(t), "Dockerfile"))
	require.NoError(t, err)

	_, after, found := strings.Cut(string(content), "go_version=")
	require.True(t, found)

	version, _, _ := strings.Cut(after, "\n")
	minor := version[:strings.LastIndex(version, ".")]
	assert.Contains(t, string(dockerfile), "golang:"+minor, "the image is built with another Go than the tests run with")
}

// Checks run side by side, so each of these can wait for the other; what failed is printed last.
func TestChecks(t *testing.T) {
	t.Parallel()

	folder := copyScript(t, ".tools/checks")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Makefile"), []byte(`
meet = touch $@.began && for i in $$(seq 100); do test ! -e $(1).began || exit 0; sleep 0.1; done; exit 1
first:
	@$(call meet,second)
second:
	@$(call meet,first)
red:
	@echo a secret in src/key.txt && false
slow:
	@sleep 0.2 && echo fine
`), 0o600))

	output, complaint, err := runIn(t, folder, os.Environ(), ".tools/checks", "first", "second")
	require.NoError(t, err, complaint)
	assert.Regexp(t, `(?s)first took \d+ s\n.*second took \d+ s`, output)

	output, complaint, err = runIn(t, folder, os.Environ(), ".tools/checks", "red", "slow")
	require.Error(t, err)
	assert.Regexp(t, `(?s)^fine\nslow took .*\na secret in src/key.txt\n.*red took`, output)
	assert.Equal(t, "checks: failed: red", complaint)
}

func copyScript(t *testing.T, name string) string {
	t.Helper()

	folder := t.TempDir()
	content, err := os.ReadFile(filepath.Join(testkit.Root(t), name))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, filepath.Dir(name)), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o700))

	return folder
}

func script(t *testing.T, path, line string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700))
}
