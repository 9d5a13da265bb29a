package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Before a push, what each service of the environments runs gets a tag that the lifecycle policy keeps.
func TestKeepRunning(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "delivery")
	repository := testkit.Registry(t) + "/clockmirror"

	environment := cloud.Environ(os.Environ())
	keep := func() (string, error) {
		_, complaint, err := runIn(t, testkit.Root(t), environment, filepath.Join(".infra", "ecr", "keep-running"), repository, "gamma", "test")

		return complaint, err
	}

	complaint, err := keep()
	require.NoError(t, err, complaint)
	assert.Empty(t, complaint, "before the first deployment there is nothing to keep")

	archive, id := save(t, testkit.Docker(t), "running")
	pushed, complaint, err := run(t, "push-image", repository, archive, id, commit)
	require.NoError(t, err, complaint)

	cluster := ecs.NewFromConfig(cloud.Owner())
	// The first call in a fresh account makes the service-linked role and fails.
	_, err = cluster.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("app-test")})
	require.ErrorContains(t, err, "Unable to assume the service linked role")

	for _, name := range []string{"app-test", "app-gamma"} {
		_, err = cluster.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &name})
		require.NoError(t, err)
	}

	gone := repository + "@sha256:" + strings.Repeat("0", 64)

	serve(t, cluster, "app-gamma", "api", pushed)
	serve(t, cluster, "app-test", "worker", pushed)
	serve(t, cluster, "app-test", "gone", gone)
	serve(t, cluster, "app-test", "elsewhere", "ghcr.io/acme/clockmirror@sha256:"+strings.Repeat("1", 64))

	_, digest, _ := strings.Cut(pushed, "@sha256:")
	mark := "deployed-" + digest[:12]

	complaint, err = keep()
	require.NoError(t, err, complaint)
	assert.ElementsMatch(t, []string{commit, mark}, imageTags(tagsOf(t, repository)))
	assert.Contains(t, complaint, "kept as "+mark)
	assert.Contains(t, complaint, gone+" runs and is not in the repository any more")
	assert.NotContains(t, complaint, "ghcr.io")

	// The tag is immutable as all tags are, so a second run changes nothing.
	before := contentOf(t, repository)
	complaint, err = keep()
	require.NoError(t, err, complaint)
	assert.NotContains(t, complaint, "kept as")
	assert.Equal(t, before, contentOf(t, repository))

	// An error must not be taken for 'nothing runs'.
	require.NoError(t, cloud.Stop())

	complaint, err = keep()
	require.Error(t, err)
	assert.Contains(t, complaint, "Could not connect")
}

// serve creates a service that runs an image, in the emulator.
func serve(t *testing.T, client *ecs.Client, cluster, name, image string) {
	t.Helper()

	revision, err := client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family:               aws.String(cluster + "-" + name),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("api"), Image: aws.String(image), Memory: aws.Int32(64)}},
	})
	require.NoError(t, err)

	_, err = client.CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: &cluster, ServiceName: aws.String(name), DesiredCount: aws.Int32(1),
		TaskDefinition: revision.TaskDefinition.TaskDefinitionArn,
	})
	require.NoError(t, err)
}
