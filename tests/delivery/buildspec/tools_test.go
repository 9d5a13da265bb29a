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
		folder := copyScript(t)
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
	_, complaint, err := runIn(t, copyScript(t), right, "buildspec/install-tools")
	require.NoError(t, err, complaint)
	assert.Empty(t, asked, "an installed tool is downloaded again")

	// Another version is not the right one.
	script(t, filepath.Join(there, "terraform"), "echo Terraform v1.11.3")
	_, _, err = runIn(t, copyScript(t), right, "buildspec/install-tools")
	require.Error(t, err)
	assert.Contains(t, <-asked, "terraform_1.11.4")

	_, complaint, err = runIn(t, copyScript(t), bare, "buildspec/install-tools", "terragrunt")
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

func copyScript(t *testing.T) string {
	t.Helper()

	folder := t.TempDir()
	content, err := os.ReadFile(filepath.Join(testkit.Root(t), "buildspec", "install-tools"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(folder, "buildspec"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "buildspec", "install-tools"), content, 0o700))

	return folder
}

func script(t *testing.T, path, line string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+line+"\n"), 0o700))
}
