package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

const (
	// deploymentMinutes is how long the ECS action waits unless it is told.
	deploymentMinutes = 60
	deploymentPace    = 500 * time.Millisecond
)

// imageDefinition is a line of imagedefinitions.json.
type imageDefinition struct {
	Name     string `json:"name"`
	ImageURI string `json:"imageUri"`
}

// deploy does what CodePipeline's ECS action does: it registers a copy of the revision that the service runs, with other
// images, has the service run it, and waits. See
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html.
func (e *Environment) deploy(ctx context.Context, execution *Execution, action codepipeline.Action, log io.Writer) (string, error) {
	role, err := e.admin.assumeFor(ctx, codePipeline, e.pipeline.RoleARN)
	if err == nil && action.RoleARN != "" {
		role, err = role.assume(ctx, action.RoleARN)
	}

	if err != nil {
		return "", err
	}

	images, err := e.imageDefinitions(ctx, execution, action, role)
	if err != nil {
		return "", err
	}

	client := ecs.NewFromConfig(role.config())
	cluster, name := action.Configuration["ClusterName"], action.Configuration["ServiceName"]

	running, err := describe(ctx, client, cluster, name)
	if err != nil {
		return "", err
	}

	registered, err := register(ctx, client, aws.ToString(running.TaskDefinition), images)
	if err != nil {
		return "", err
	}

	fmt.Fprintf(log, "registered %s, a copy of %s with %v\n", registered, aws.ToString(running.TaskDefinition), images)

	if _, err = client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &cluster, Service: &name, TaskDefinition: &registered}); err != nil {
		return "", fmt.Errorf("have the service %s run %s: %w", name, registered, err)
	}

	minutes := deploymentMinutes

	if given := action.Configuration["DeploymentTimeout"]; given != "" {
		if minutes, err = strconv.Atoi(given); err != nil {
			return "", fmt.Errorf("read DeploymentTimeout: %w", err)
		}
	}

	e.progress.does(action.Name, "replacing the tasks")
	defer e.progress.does(action.Name, "")

	limited, cancel := context.WithTimeoutCause(ctx, time.Duration(minutes)*time.Minute, fmt.Errorf("timed out after %d minutes", minutes))
	defer cancel()

	tasks, err := awaitDeployment(limited, client, cluster, name, registered)
	if limited.Err() != nil && ctx.Err() == nil {
		err = context.Cause(limited)
	}

	if err != nil {
		return "", err
	}

	return tasks + " on " + cut(execution.Commit, shortName), nil
}

func (e *Environment) imageDefinitions(ctx context.Context, execution *Execution, action codepipeline.Action, role *identity) ([]imageDefinition, error) {
	file := action.Configuration["FileName"]
	if file == "" {
		file = "imagedefinitions.json"
	}

	if len(action.Inputs) != 1 {
		return nil, errors.New("an ECS action has one input artifact")
	}

	key, err := execution.artifact(action.Inputs[0])
	if err != nil {
		return nil, err
	}

	files, err := e.fetch(ctx, role, action.Inputs[0], key)
	if err != nil {
		return nil, err
	}

	content, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, fmt.Errorf("find the image definitions: %w", err)
	}

	var images []imageDefinition
	if err = json.Unmarshal(content, &images); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}

	return images, nil
}

// register copies a revision, container by container with the images that are named, and returns the copy's ARN.
func register(ctx context.Context, client *ecs.Client, revision string, images []imageDefinition) (string, error) {
	answer, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &revision, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return "", fmt.Errorf("look at the revision %s: %w", revision, err)
	}

	definition := answer.TaskDefinition

	for _, image := range images {
		found := false

		for i := range definition.ContainerDefinitions {
			if container := &definition.ContainerDefinitions[i]; aws.ToString(container.Name) == image.Name {
				container.Image, found = aws.String(image.ImageURI), true
			}
		}

		if !found {
			return "", fmt.Errorf("the revision %s has no container %s, which the image definitions name", revision, image.Name)
		}
	}

	registered, err := client.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family:                  definition.Family,
		ContainerDefinitions:    definition.ContainerDefinitions,
		Cpu:                     definition.Cpu,
		EphemeralStorage:        definition.EphemeralStorage,
		ExecutionRoleArn:        definition.ExecutionRoleArn,
		Memory:                  definition.Memory,
		NetworkMode:             definition.NetworkMode,
		RequiresCompatibilities: definition.RequiresCompatibilities,
		RuntimePlatform:         definition.RuntimePlatform,
		TaskRoleArn:             definition.TaskRoleArn,
		Volumes:                 definition.Volumes,
		Tags:                    answer.Tags,
	})
	if err != nil {
		return "", fmt.Errorf("register a copy of %s: %w", revision, err)
	}

	return aws.ToString(registered.TaskDefinition.TaskDefinitionArn), nil
}

func describe(ctx context.Context, client *ecs.Client, cluster, name string) (*types.Service, error) {
	answer, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if err != nil {
		return nil, fmt.Errorf("look at the service %s: %w", name, err)
	}

	if len(answer.Services) != 1 {
		return nil, fmt.Errorf("the cluster %s has no service %s", cluster, name)
	}

	return &answer.Services[0], nil
}

// awaitDeployment waits until a service runs a revision in all its tasks, and returns how many of how many do.
func awaitDeployment(ctx context.Context, client *ecs.Client, cluster, name, revision string) (string, error) {
	failure := ""

	for {
		current, err := describe(ctx, client, cluster, name)
		if err != nil {
			return "", err
		}

		for _, deployment := range current.Deployments {
			if aws.ToString(deployment.TaskDefinition) == revision && deployment.FailedTasks > 0 {
				failure = aws.ToString(deployment.RolloutStateReason)
			}
		}

		primary := current.Deployments[0]

		switch {
		case aws.ToString(primary.TaskDefinition) != revision:
			return "", fmt.Errorf("the deployment of %s was rolled back to %s: %s", revision, aws.ToString(primary.TaskDefinition), failure)
		case primary.RolloutState == types.DeploymentRolloutStateFailed:
			return "", fmt.Errorf("the deployment of %s failed: %s", revision, failure)
		case primary.RolloutState == types.DeploymentRolloutStateCompleted && len(current.Deployments) == 1:
			return fmt.Sprintf("%d/%d", primary.RunningCount, current.DesiredCount), nil
		}

		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(deploymentPace):
		}
	}
}

// Running is the image that the service runs, by its digest.
func (e *Environment) Running(ctx context.Context) (string, error) {
	client := ecs.NewFromConfig(e.admin.config())

	current, err := describe(ctx, client, "app-"+Env, service)
	if err != nil {
		return "", err
	}

	answer, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: current.TaskDefinition})
	if err != nil {
		return "", fmt.Errorf("look at what the service runs: %w", err)
	}

	return aws.ToString(answer.TaskDefinition.ContainerDefinitions[0].Image), nil
}
