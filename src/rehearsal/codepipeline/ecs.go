package codepipeline

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ImageDefinition is a line of imagedefinitions.json.
type ImageDefinition struct {
	Name     string `json:"name"`
	ImageURI string `json:"imageUri"`
}

// WithImages is a copy of a revision, container by container with the images that are named, as the ECS action registers it:
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html.
func WithImages(definition *types.TaskDefinition, tags []types.Tag, images []ImageDefinition) (*ecs.RegisterTaskDefinitionInput, error) {
	containers := append([]types.ContainerDefinition{}, definition.ContainerDefinitions...)

	for _, image := range images {
		found := false

		for i := range containers {
			if aws.ToString(containers[i].Name) == image.Name {
				containers[i].Image, found = aws.String(image.ImageURI), true
			}
		}

		if !found {
			return nil, fmt.Errorf("the revision %s has no container %s, which the image definitions name",
				aws.ToString(definition.TaskDefinitionArn), image.Name)
		}
	}

	return &ecs.RegisterTaskDefinitionInput{
		Family:                  definition.Family,
		ContainerDefinitions:    containers,
		Cpu:                     definition.Cpu,
		EphemeralStorage:        definition.EphemeralStorage,
		ExecutionRoleArn:        definition.ExecutionRoleArn,
		Memory:                  definition.Memory,
		NetworkMode:             definition.NetworkMode,
		RequiresCompatibilities: definition.RequiresCompatibilities,
		RuntimePlatform:         definition.RuntimePlatform,
		TaskRoleArn:             definition.TaskRoleArn,
		Volumes:                 definition.Volumes,
		Tags:                    tags,
	}, nil
}

// Deployed tells whether a service runs a revision in all its tasks. An error says that it will not: the deployment failed, or
// was rolled back.
func Deployed(service *types.Service, revision string) (bool, error) {
	if len(service.Deployments) == 0 {
		return false, nil
	}

	failure := ""

	for _, deployment := range service.Deployments {
		if aws.ToString(deployment.TaskDefinition) == revision && deployment.FailedTasks > 0 {
			failure = aws.ToString(deployment.RolloutStateReason)
		}
	}

	switch primary := service.Deployments[0]; {
	case aws.ToString(primary.TaskDefinition) != revision:
		return false, fmt.Errorf("the deployment of %s was rolled back to %s: %s", revision, aws.ToString(primary.TaskDefinition), failure)
	case primary.RolloutState == types.DeploymentRolloutStateFailed:
		return false, fmt.Errorf("the deployment of %s failed: %s", revision, failure)
	default:
		return primary.RolloutState == types.DeploymentRolloutStateCompleted && len(service.Deployments) == 1, nil
	}
}
