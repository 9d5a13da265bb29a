package testkit

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/src/rehearsal/registry"
)

// Emulator starts an AWS emulator with these environment variables, and stops it when the test ends. Its log is among the
// artifacts of that name.
func Emulator(tb testing.TB, artifacts string, variables ...string) *emulator.Emulator {
	tb.Helper()

	python := Program(tb, "install Python 3.10 or newer", "python3")

	log, err := os.Create(filepath.Join(Artifacts(tb, artifacts), strings.ReplaceAll(tb.Name(), "/", "-")+"-emulator.log"))
	require.NoError(tb, err)

	// The test's own context ends before its cleanup, which uses the emulator.
	aws, err := emulator.Start(context.WithoutCancel(tb.Context()), Root(tb), python, log, variables...)
	if err != nil && !InCI() {
		tb.Log(err)
		Missing(tb, "the AWS emulator", "it is installed from PyPI into .build; "+log.Name()+" has the error")
	}

	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, aws.Stop()) })

	return aws
}

// Shell returns the environment of a shell in which AWS is the emulator, isolated from the user's own settings.
func Shell(tb testing.TB, cloud *emulator.Emulator, variables ...string) []string {
	tb.Helper()

	environ := slices.DeleteFunc(cloud.Environ(proc.WithoutGit(os.Environ())), func(variable string) bool {
		return strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "TF_CLI_CONFIG_FILE=")
	})

	// Without a local mirror, stacks share one download of the provider.
	if os.Getenv("TF_CLI_CONFIG_FILE") == "" {
		cache := filepath.Join(Root(tb), ".build", "terraform-plugins")
		require.NoError(tb, os.MkdirAll(cache, 0o750))
		environ = append(environ, "TF_PLUGIN_CACHE_DIR="+cache)
	}

	return slices.Concat(environ, []string{
		"CHECKPOINT_DISABLE=1", "GOGC=400", "DOCKER_CONFIG=" + tb.TempDir(), "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=A Person", "GIT_AUTHOR_EMAIL=person@example.com", "GIT_COMMITTER_NAME=A Person", "GIT_COMMITTER_EMAIL=person@example.com",
	}, variables)
}

// AWS runs the AWS CLI in such a shell, and returns the text that it prints.
func AWS(tb testing.TB, environ []string, arguments ...string) string {
	tb.Helper()

	var complaint strings.Builder

	command := exec.CommandContext(tb.Context(), "env", slices.Concat(environ, []string{"aws", "--output", "text"}, arguments)...)
	command.Stderr = &complaint
	output, err := command.Output()
	require.NoError(tb, err, complaint.String())

	return strings.TrimSpace(string(output))
}

// Pipeline makes a pipeline that delivers the branch master of acme/clockmirror, unless a push changes nothing but READMEs.
func Pipeline(tb testing.TB, environ []string, name string) {
	tb.Helper()

	role := AWS(tb, environ, "iam", "create-role", "--role-name", name, "--query", "Role.Arn", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codepipeline.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	action := `{"name": "Source", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection", "version": "1"},
		"configuration": {"FullRepositoryId": "acme/clockmirror", "BranchName": "master"}}`
	AWS(tb, environ, "codepipeline", "create-pipeline", "--pipeline", `{"name": "`+name+`", "roleArn": "`+role+`",
		"artifactStore": {"type": "S3", "location": "artifacts"},
		"triggers": [{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source",
			"push": [{"filePaths": {"includes": ["**"], "excludes": ["README.md", "**/README.md"]}}]}}],
		"stages": [{"name": "Source", "actions": [`+action+`]}, {"name": "Build", "actions": [`+action+`]}]}`)
}

// Schedule runs a scheduler until the test ends.
func Schedule(tb testing.TB, scheduler *ecs.Scheduler) {
	tb.Helper()

	background, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)

	go func() { ended <- scheduler.Run(background) }()

	tb.Cleanup(func() {
		stop()
		assert.NoError(tb, <-ended)
	})
}

// Registry starts an image registry, stops it when the test ends, and returns its host and port.
func Registry(tb testing.TB) string {
	tb.Helper()

	address := "127.0.0.1:" + strconv.Itoa(FreePort(tb))
	server, err := registry.Start(tb.Context(), Tool(tb, "registry"), address, tb.TempDir())
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, server.Stop()) })

	return address
}

// Ask sends a GET with header fields, each as "Name: value", and returns the answer and its body.
func Ask(tb testing.TB, url string, fields ...string) (*http.Response, string) {
	tb.Helper()

	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(tb, err)

	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Add(name, value)
	}

	response, err := http.DefaultClient.Do(request)
	require.NoError(tb, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(tb, err)
	require.NoError(tb, response.Body.Close())

	return response, string(body)
}

// Get returns the body of a URL that answers 200.
func Get(tb testing.TB, url string, fields ...string) string {
	tb.Helper()

	response, body := Ask(tb, url, fields...)
	require.Equal(tb, http.StatusOK, response.StatusCode, body)

	return body
}
