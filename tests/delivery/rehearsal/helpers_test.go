package rehearsal_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

// settings are the files of the environment's variables: it has a domain, so that its load balancer serves HTTPS.
const (
	appSettings  = ".infra/app/env/" + rehearsal.Env + ".tfvars"
	cicdSettings = ".infra/cicd/env/" + rehearsal.Env + ".tfvars"

	// gamma is an environment before it.
	gamma         = "gamma"
	gammaSettings = ".infra/app/env/" + gamma + ".tfvars"

	domain = "clock.example.com"
	zone   = "hosted_zone_id = \"Z0123456789ABCDEFGHIJ\"\n"
)

// start starts a rehearsal, which is stopped in the cleanup, after the test's context has ended.
func start(t *testing.T, options rehearsal.Options) *rehearsal.Environment {
	t.Helper()

	options.Root, options.Progress = testkit.Root(t), t.Output()
	e, err := rehearsal.Start(context.WithoutCancel(t.Context()), options)
	require.NoError(t, err)
	t.Cleanup(func() { requireStopped(t, e) })

	return e
}

// requireSettled checks that Terraform would change nothing.
func requireSettled(t *testing.T, e *rehearsal.Environment) {
	t.Helper()

	unsettled, err := e.Settled(t.Context())
	require.NoError(t, err)
	assert.Empty(t, unsettled, "a plan is not empty")
}

// secured is a clone of HEAD with a commit that gives the environment a domain.
func secured(t *testing.T) string {
	t.Helper()

	clone := t.TempDir()
	testkit.Git(t, clone, "clone", "--quiet", "--shared", testkit.Root(t), ".")
	change(t, clone, "Serve HTTPS", map[string]func(string) string{
		appSettings:  func(text string) string { return text + "domain_name    = \"" + domain + "\"\n" + zone },
		cicdSettings: func(text string) string { return text + zone },
	})

	return clone
}

// alter makes a commit on top of the secured one, and brings it into the environment.
func alter(t *testing.T, e *rehearsal.Environment, files map[string]func(string) string) string {
	t.Helper()

	clone := secured(t)
	change(t, clone, "Break it", files)

	commit, err := e.Take(t.Context(), clone, "HEAD")
	require.NoError(t, err)

	return commit
}

func change(t *testing.T, clone, message string, files map[string]func(string) string) {
	t.Helper()

	for name, change := range files {
		path := filepath.Join(clone, name)
		content, err := os.ReadFile(path)
		require.True(t, err == nil || os.IsNotExist(err))

		altered := change(string(content))
		require.NotEqual(t, string(content), altered, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(altered), 0o600))
	}

	testkit.Git(t, clone, "add", "--all", "--force")
	testkit.Git(t, clone, "commit", "--quiet", "--message", message)
}

// get asks the service through its load balancer.
func get(t *testing.T, e *rehearsal.Environment, path string) string {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL()+path, http.NoBody)
	require.NoError(t, err)

	response, err := e.Client().Do(request)
	require.NoError(t, err)

	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))

	return string(body)
}

// inspected is what the tests look at in a container.
type inspected struct {
	Name   string
	Config struct {
		Image, User string
		Env         []string
	}
	HostConfig struct {
		Memory, NanoCPUs int64 //nolint:tagliatelle // Docker's names
		ReadonlyRootfs   bool
		CapDrop          []string
	}
}

// tasksOf are the containers of an environment's services.
func tasksOf(t *testing.T, e *rehearsal.Environment, env string) []inspected {
	t.Helper()

	engine := testkit.Docker(t)
	names := engine.Run(t, "ps", "--quiet", "--filter", "label=clockmirror.rehearsal.task="+e.ID())
	text := engine.Run(t, append([]string{"inspect"}, strings.Fields(names)...)...)

	var found []inspected

	require.NoError(t, json.Unmarshal([]byte(text), &found))

	return slices.DeleteFunc(found, func(task inspected) bool {
		return strings.Contains(task.Name, e.ID()+"-"+gamma+"-") != (env == gamma)
	})
}

// configurationOf is the digest of the configuration of an image in the registry, which Docker calls the image's id.
func configurationOf(t *testing.T, image string) string {
	t.Helper()

	host, rest, _ := strings.Cut(image, "/")
	name, digest, _ := strings.Cut(rest, "@")

	var manifest struct {
		Config struct {
			Digest string `json:"digest"`
		} `json:"config"`
	}

	require.NoError(t, json.Unmarshal([]byte(testkit.Get(t, "http://"+host+"/v2/"+name+"/manifests/"+digest, manifestTypes)), &manifest))

	return manifest.Config.Digest
}

// registryContent lists the registry's files with their times.
func registryContent(t *testing.T, e *rehearsal.Environment) []string {
	t.Helper()

	var found []string

	require.NoError(t, filepath.WalkDir(filepath.Join(testkit.Root(t), ".build", "rehearsal", "run-"+e.ID(), "registry", "docker"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.Contains(path, "_uploads") {
			info, infoErr := entry.Info()
			require.NoError(t, infoErr)

			switch {
			case strings.Contains(path, "/tags/deployed-"): // added at the next push, to what runs
			case strings.Contains(path, "/_manifests/revisions/"): // written again with each tag
				found = append(found, path)
			default:
				found = append(found, path+" "+info.ModTime().String())
			}
		}

		return err
	}))
	require.NotEmpty(t, found)

	return found
}

func logOf(t *testing.T, result *codepipeline.Result) string {
	t.Helper()
	require.NotNil(t, result)

	content, err := os.ReadFile(result.Log)
	require.NoError(t, err)

	return string(content)
}

// lastLines is what is printed of an action that failed.
func lastLines(t *testing.T, result *codepipeline.Result) string {
	t.Helper()

	lines := strings.Split(strings.TrimSpace(logOf(t, result)), "\n")

	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}

// shownLines is how many lines of an action that failed are printed.
const shownLines = 20

const manifestTypes = "Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, */*"

// requireStopped stops an environment, and checks that nothing of it is left.
func requireStopped(t *testing.T, e *rehearsal.Environment) {
	t.Helper()
	require.NoError(t, e.Stop(t.Context()))
	rehearsaltest.RequireNothingLeft(t, testkit.Root(t), e.ID())
}
