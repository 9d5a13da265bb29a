package codepipeline_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

func TestWithImages(t *testing.T) {
	t.Parallel()

	before := &types.TaskDefinition{
		TaskDefinitionArn: aws.String("app:1"), Family: aws.String("app"), Cpu: aws.String("256"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("api"), Image: aws.String("old")}, {Name: aws.String("log"), Image: aws.String("log")}},
	}
	tags := []types.Tag{{Key: aws.String("Environment"), Value: aws.String("test")}}

	after, err := codepipeline.WithImages(before, tags, []codepipeline.ImageDefinition{{Name: "api", ImageURI: "new"}})
	require.NoError(t, err)
	assert.Equal(t, "new", aws.ToString(after.ContainerDefinitions[0].Image))
	assert.Equal(t, "log", aws.ToString(after.ContainerDefinitions[1].Image))
	assert.Equal(t, "256", aws.ToString(after.Cpu))
	assert.Equal(t, tags, after.Tags)
	assert.Equal(t, "old", aws.ToString(before.ContainerDefinitions[0].Image), "the revision itself is changed")

	_, err = codepipeline.WithImages(before, nil, []codepipeline.ImageDefinition{{Name: "web", ImageURI: "new"}})
	require.EqualError(t, err, "the revision app:1 has no container web, which the image definitions name")
}

func TestDeployed(t *testing.T) {
	t.Parallel()

	deployment := func(revision string, state types.DeploymentRolloutState, failed int32) types.Deployment {
		return types.Deployment{TaskDefinition: &revision, RolloutState: state, FailedTasks: failed, RolloutStateReason: aws.String("no task got healthy")}
	}

	for name, row := range map[string]struct {
		deployments []types.Deployment
		want        bool
		err         string
	}{
		"not while the old tasks drain": {
			[]types.Deployment{deployment("new", types.DeploymentRolloutStateCompleted, 0), deployment("old", types.DeploymentRolloutStateCompleted, 0)}, false, "",
		},
		"not while it is in progress":       {[]types.Deployment{deployment("new", types.DeploymentRolloutStateInProgress, 1)}, false, ""},
		"once it alone is there, completed": {[]types.Deployment{deployment("new", types.DeploymentRolloutStateCompleted, 0)}, true, ""},
		"never after a failure": {
			[]types.Deployment{deployment("new", types.DeploymentRolloutStateFailed, 2)}, false, "the deployment of new failed: no task got healthy",
		},
		"never after a rollback": {
			[]types.Deployment{deployment("old", types.DeploymentRolloutStateInProgress, 0), deployment("new", types.DeploymentRolloutStateFailed, 2)},
			false, "the deployment of new was rolled back to old: no task got healthy",
		},
		"not before there is a deployment": {nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			done, err := codepipeline.Deployed(&types.Service{Deployments: row.deployments}, "new")
			assert.Equal(t, row.want, done)

			if row.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, row.err)
			}
		})
	}
}
