package pipeline_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// An image is built again from its commit: what the commit makes is the same, what someone put into it is not.
func TestReproduce(t *testing.T) {
	t.Parallel()

	engine, clone := testkit.Docker(t), testkit.Clone(t)
	repository := testkit.Registry(t) + "/clockmirror"

	// With the engine's cache; that builds without it are the same is what the test of the image is for.
	reproduce := func(name string) (string, string, error) {
		engine.Run(t, "push", "--quiet", name)
		engine.RemoveAfter(t, "image", name)

		digests := strings.Fields(engine.Inspect(t, name, `{{range .RepoDigests}}{{println .}}{{end}}`))
		pushed := slices.IndexFunc(digests, func(digest string) bool { return strings.HasPrefix(digest, repository+"@") })
		require.GreaterOrEqual(t, pushed, 0, digests)

		return runIn(t, clone, []string{"DOCKER_BUILD_FLAGS="}, ".tools/reproduce", digests[pushed])
	}

	_, complaint, err := runIn(t, "/usr/bin", nil, "make", "--directory", clone, "image", "IMAGE="+repository+":built")
	require.NoError(t, err, complaint)

	said, complaint, err := reproduce(repository + ":built")
	require.NoError(t, err, said+complaint)
	assert.Contains(t, said, "the same: ")
	assert.Contains(t, said, " is commit "+strings.TrimSpace(testkit.Git(t, clone, "rev-parse", "HEAD"))+", version ")

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte("FROM "+repository+":built\nCOPY Dockerfile /clockmirror\n"), 0o600))
	engine.Run(t, "build", "--quiet", "--tag", repository+":altered", folder)

	said, _, err = reproduce(repository + ":altered")
	require.Error(t, err, "what was put into the image is not noticed")
	assert.Contains(t, said, "\n-layer sha256:")
	assert.Contains(t, said, "\n-program sha256:")
}
