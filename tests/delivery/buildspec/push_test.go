package pipeline_test

import (
	"archive/tar"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	commit      = "0123456789abcdef0123456789abcdef01234567"
	nextCommit  = "fedcba9876543210fedcba9876543210fedcba98"
	billContent = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}`
)

// The image goes from the archive into a real registry: once, under its names, and only if it is the one that was
// built.
func TestPushImage(t *testing.T) {
	t.Parallel()

	host := testkit.Registry(t)
	engine := testkit.Docker(t)
	archive, id := save(t, engine, "first")
	repository := host + "/clockmirror"

	push := func(archive, id string, tags ...string) (string, string, error) {
		return run(t, "push-image", append([]string{repository, archive, id}, tags...)...)
	}

	_, complaint, err := push(archive, "sha256:"+strings.Repeat("0", 64), commit)
	require.Error(t, err, "another image than the built one is pushed")
	assert.Contains(t, complaint, "holds the image "+id+", but sha256:"+strings.Repeat("0", 64)+" was built: nothing is pushed")
	assert.Empty(t, tagsOf(t, repository))

	pushed, complaint, err := push(archive, id, commit)
	require.NoError(t, err, complaint)
	assert.Regexp(t, `^`+regexp.QuoteMeta(repository)+`@sha256:[0-9a-f]{64}$`, pushed)
	assert.Equal(t, []string{commit}, imageTags(tagsOf(t, repository)))

	// Docker agrees that this is the image.
	engine.Run(t, "pull", "--quiet", pushed)
	engine.RemoveAfter(t, "image", pushed)
	assert.Equal(t, id, engine.Inspect(t, pushed, "{{.Id}}"))

	before := contentOf(t, repository)

	again, complaint, err := push(archive, id, commit)
	require.NoError(t, err, complaint)
	assert.Equal(t, pushed, again)
	assert.Contains(t, complaint, "is there already")
	assert.NotContains(t, complaint, "pushed ")
	assert.Equal(t, before, contentOf(t, repository), "the second run pushed something")

	// A release: the same image, under its version too.
	released, complaint, err := push(archive, id, commit, "v1.2.3")
	require.NoError(t, err, complaint)
	assert.Equal(t, pushed, released)
	assert.ElementsMatch(t, []string{commit, "v1.2.3"}, imageTags(tagsOf(t, repository)))

	// A tag that is taken stays where it is, and no other image is deployed in place of the one that was built.
	other, otherID := save(t, engine, "second")
	_, complaint, err = push(other, otherID, commit)
	require.Error(t, err, "the image of another build is deployed")
	assert.Contains(t, complaint, pushed+" is another image, "+id+", but "+otherID+" was built: nothing is deployed")

	_, complaint, err = push(other, otherID, nextCommit, "v1.2.3")
	require.Error(t, err, "a version that was moved to another commit ships the old code")
	assert.Contains(t, complaint, "release it under a new version")
	assert.ElementsMatch(t, []string{commit, "v1.2.3"}, imageTags(tagsOf(t, repository)), "something was pushed all the same")

	// The same commit, built again as a release: its version is new, its own tag stays.
	newer, complaint, err := push(other, otherID, commit, "v1.2.4")
	require.NoError(t, err, complaint)
	assert.NotEqual(t, pushed, newer)

	next, complaint, err := push(other, otherID, nextCommit)
	require.NoError(t, err, complaint)
	assert.Equal(t, newer, next)
}

// A registry that refuses to say whether the image is there is not one without it.
func TestPushImageWithoutRights(t *testing.T) {
	t.Parallel()

	asked := make(chan string, 20)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		switch {
		case request.URL.Path == "/v2/":
		case strings.Contains(request.URL.Path, "/manifests/"):
			answer.WriteHeader(http.StatusForbidden)
		default:
			asked <- request.Method

			answer.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)

	archive, id := save(t, testkit.Docker(t), "refused")
	_, complaint, err := run(t, "push-image", strings.TrimPrefix(server.URL, "http://")+"/clockmirror", archive, id, commit)
	require.Error(t, err)
	assert.Contains(t, complaint, "403")

	close(asked)

	assert.Empty(t, asked, "a push was tried")
}

func TestImageIDOfSomethingElse(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "image.tar")
	require.NoError(t, os.WriteFile(file, []byte("not an archive"), 0o600))

	_, complaint, err := run(t, "image-id", file)
	require.Error(t, err)
	assert.Contains(t, complaint, "does not hold exactly one image")

	two, err := os.Create(file)
	require.NoError(t, err)

	manifest := `[{"Config":"manifest.json"},{"Config":"manifest.json"}]`
	writer := tar.NewWriter(two)
	require.NoError(t, writer.WriteHeader(&tar.Header{Name: "manifest.json", Mode: 0o600, Size: int64(len(manifest))}))
	_, err = writer.Write([]byte(manifest))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.NoError(t, two.Close())

	_, complaint, err = run(t, "image-id", file)
	require.Error(t, err)
	assert.Contains(t, complaint, "does not hold exactly one image")

	_, complaint, err = run(t, "image-id", file+"-not-there")
	require.Error(t, err)
	assert.Contains(t, complaint, "usage: image-id ARCHIVE")
}

// run runs a script of the ecr stack.
func run(t *testing.T, script string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()

	return runIn(t, testkit.Root(t), nil, filepath.Join(".infra", "ecr", script), arguments...)
}

func runIn(t *testing.T, folder string, environ []string, program string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()

	var out, complaint strings.Builder

	command := exec.CommandContext(t.Context(), filepath.Join(folder, program), arguments...)
	command.Dir = folder

	command.Env = append(os.Environ(), environ...)
	command.Stdout, command.Stderr = &out, &complaint

	err = command.Run()

	return strings.TrimSpace(out.String()), strings.TrimSpace(complaint.String()), err
}

// save builds a small image and returns its archive and its id.
func save(t *testing.T, engine *testkit.Engine, content string) (archive, id string) {
	t.Helper()

	folder, name := t.TempDir(), testkit.Unique()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM scratch\nCOPY content /\nCMD [\"/content\"]\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "content"), []byte(content), 0o600))

	engine.Run(t, "build", "--quiet", "--tag", name, folder)
	engine.RemoveAfter(t, "image", name)

	archive = filepath.Join(folder, "image.tar")
	engine.Run(t, "save", "--output", archive, name)

	return archive, engine.Inspect(t, name, "{{.Id}}")
}

// tagsOf are all tags of a repository; none if there is no such repository.
func tagsOf(t *testing.T, repository string) []string {
	t.Helper()

	host, name, _ := strings.Cut(repository, "/")

	var answer struct {
		Tags []string `json:"tags"`
	}

	_, body := testkit.Ask(t, "http://"+host+"/v2/"+name+"/tags/list")
	require.NoError(t, json.Unmarshal([]byte(body), &answer))

	return answer.Tags
}

// imageTags leaves out the list of what refers to an image, which a registry without that question keeps as a tag.
func imageTags(tags []string) []string {
	return slices.DeleteFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, "sha256-") })
}

// contentOf is all that a repository says of itself: each tag with its digest.
func contentOf(t *testing.T, repository string) map[string]string {
	t.Helper()

	host, name, _ := strings.Cut(repository, "/")
	content := map[string]string{}

	for _, tag := range tagsOf(t, repository) {
		content[tag] = testkit.Get(t, "http://"+host+"/v2/"+name+"/manifests/"+tag, manifestTypes)
	}

	return content
}

const manifestTypes = "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
