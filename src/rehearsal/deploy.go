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

// deploy does what CodePipeline's ECS action does: it registers a copy of the revision that the service runs, with other
// images, has the service run it, and waits. See
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html.
func (e *Environment) deploy(ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action, log io.Writer) (string, error) {
	role, err := e.admin.assumeFor(ctx, codePipeline, e.runner.Pipeline().RoleARN)
	if err == nil && action.RoleARN != "" {
		role, err = role.assumeFor(ctx, "", action.RoleARN)
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

	e.progress.does(action.Name, "replacing the tasks")
	defer e.progress.does(action.Name, "")

	limit, err := deploymentLimit(action)
	if err != nil {
		return "", err
	}

	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("timed out after %s", limit))
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

// deploymentLimit is how long the action waits for the deployment.
func deploymentLimit(action codepipeline.Action) (time.Duration, error) {
	given := action.Configuration["DeploymentTimeout"]
	if given == "" {
		return deploymentMinutes * time.Minute, nil
	}

	minutes, err := strconv.Atoi(given)
	if err != nil {
		return 0, fmt.Errorf("read DeploymentTimeout: %w", err)
	}

	return time.Duration(minutes) * time.Minute, nil
}

func (e *Environment) imageDefinitions(ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action, role *identity) ([]codepipeline.ImageDefinition, error) {
	file := action.Configuration["FileName"]
	if file == "" {
		file = "imagedefinitions.json"
	}

	if len(action.Inputs) != 1 {
		return nil, errors.New("an ECS action has one input artifact")
	}

	key, err := execution.Artifact(action.Inputs[0])
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

	var images []codepipeline.ImageDefinition
	if err = json.Unmarshal(content, &images); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}

	return images, nil
}

// register copies a revision with other images, and returns the copy's ARN.
func register(ctx context.Context, client *ecs.Client, revision string, images []codepipeline.ImageDefinition) (string, error) {
	answer, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &revision, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return "", fmt.Errorf("look at the revision %s: %w", revision, err)
	}

	input, err := codepipeline.WithImages(answer.TaskDefinition, answer.Tags, images)
	if err != nil {
		return "", err
	}

	registered, err := client.RegisterTaskDefinition(ctx, input)
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
	for {
		current, err := describe(ctx, client, cluster, name)
		if err != nil {
			return "", err
		}

		done, err := codepipeline.Deployed(current, revision)
		if err != nil {
			return "", err
		}

		if done {
			return fmt.Sprintf("%d/%d", current.Deployments[0].RunningCount, current.DesiredCount), nil
		}

		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(deploymentPace):
		}
	}
}

// Running is the image that the service of an environment runs, by its digest.
func (e *Environment) Running(ctx context.Context, env string) (string, error) {
	client := ecs.NewFromConfig(e.admin.config())

	current, err := describe(ctx, client, "app-"+env, service)
	if err != nil {
		return "", err
	}

	answer, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: current.TaskDefinition})
	if err != nil {
		return "", fmt.Errorf("look at what the service runs: %w", err)
	}

	return aws.ToString(answer.TaskDefinition.ContainerDefinitions[0].Image), nil
}
