// Package deployment_test shows what becomes of an apply whose deployment ECS rolls back, and of a first image that never gets healthy:
// with the real provider against the emulator, whose tasks are started by a scheduler of the test.
package deployment_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// stack is the part of the app stack that ECS decides on.
const stack = `
variable "image" { type = string }

data "aws_subnets" "this" {}

resource "aws_ecs_cluster" "this" { name = "app-test" }

resource "aws_ecs_task_definition" "this" {
  family                = "app-test-api"
  network_mode          = "awsvpc"
  track_latest          = true
  skip_destroy          = true
  container_definitions = jsonencode([{ name = "api", image = var.image, memory = 64, essential = true }])
}

resource "aws_ecs_service" "this" {
  name                  = "api"
  cluster               = aws_ecs_cluster.this.name
  task_definition       = aws_ecs_task_definition.this.arn
  desired_count         = 2
  wait_for_steady_state = true

  network_configuration {
    subnets = data.aws_subnets.this.ids
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  timeouts {
    create = "20s"
  }
}

`

type machine struct {
	folder, app string
	environment []string
}

func TestDeployments(t *testing.T) {
	testkit.Program(t, "see https://developer.hashicorp.com/terraform/install", "terraform")

	cloud := testkit.Emulator(t, "infra", "EMULATOR_SCHEDULER=external")
	m := &machine{folder: t.TempDir(), app: filepath.Join(testkit.Root(t), ".infra", "app"), environment: cloud.Environ(os.Environ())}

	require.NoError(t, os.WriteFile(filepath.Join(m.folder, "main.tf"), []byte(stack), 0o600))
	_, complaint, err := m.run(t, "terraform", "init", "-input=false")
	require.NoError(t, err, complaint)

	go schedule(t.Context(), cloud)

	t.Run("a first image that never gets healthy fails the apply", func(t *testing.T) {
		_, _, err := m.apply(t, "broken:1")
		require.Error(t, err)
	})
	t.Run("the next image decides, though the service is there", func(t *testing.T) {
		image, complaint, err := m.run(t, filepath.Join(m.app, "running-image"), "test", "good:1")
		require.NoError(t, err, complaint)
		assert.Equal(t, "good:1", image)

		_, complaint, err = m.run(t, filepath.Join(m.app, "running-image"), "test")
		require.Error(t, err)
		assert.Contains(t, complaint, "no deployment to app-test has completed yet")
	})
	t.Run("it mends the service without untaint", func(t *testing.T) {
		_, complaint, err := m.apply(t, "good:1")
		require.NoError(t, err, complaint)
		complaint, err = m.check(t)
		require.NoError(t, err, complaint)
	})
	t.Run("from then on the running image decides", func(t *testing.T) {
		image, complaint, err := m.run(t, filepath.Join(m.app, "running-image"), "test", "good:2")
		require.NoError(t, err, complaint)
		assert.Equal(t, "good:1", image)
	})
	t.Run("an apply that ECS rolled back is a failure with its reason", func(t *testing.T) {
		_, complaint, err := m.apply(t, "broken:2")
		require.NoError(t, err, "the provider notices by now, so that check-deployed can go: %s", complaint)

		complaint, err = m.check(t)
		require.Error(t, err)
		assert.Regexp(t, `the deployment of app-test-api:\d+ was rolled back: app-test/api runs app-test-api:\d+\. ECS says:`, complaint)
		assert.Contains(t, complaint, "broken:2 does not answer")
		assert.Contains(t, complaint, "rolling back to (deployment ")

		image, complaint, err := m.run(t, filepath.Join(m.app, "running-image"), "test", "good:2")
		require.NoError(t, err, complaint)
		assert.Equal(t, "good:1", image)
	})
	t.Run("after a roll-back the plan has one new revision, and then none", func(t *testing.T) {
		plan, complaint, err := m.run(t, "terraform", "plan", "-no-color", "-input=false", "-var=image=good:1")
		require.NoError(t, err, complaint)
		assert.Contains(t, plan, "Plan: 1 to add, 1 to change, 1 to destroy.")

		_, complaint, err = m.apply(t, "good:1")
		require.NoError(t, err, complaint)

		plan, complaint, err = m.run(t, "terraform", "plan", "-no-color", "-input=false", "-var=image=good:1")
		require.NoError(t, err, complaint)
		assert.Contains(t, plan, "No changes.")
	})
}

func (m *machine) apply(t *testing.T, image string) (output, complaint string, err error) {
	t.Helper()

	return m.run(t, "terraform", "apply", "-no-color", "-input=false", "-auto-approve", "-var=image="+image)
}

// check does what `make apply-app` does after an apply.
func (m *machine) check(t *testing.T) (complaint string, err error) {
	t.Helper()

	revisions, complaint, err := m.run(t, filepath.Join(m.app, "applied-revisions"), m.folder)
	require.NoError(t, err, complaint)

	_, complaint, err = m.run(t, filepath.Join(m.app, "check-deployed"), append([]string{"test"}, strings.Fields(revisions)...)...)

	return complaint, err
}

func (m *machine) run(t *testing.T, program string, arguments ...string) (output, complaint string, err error) {
	t.Helper()

	var stdout, stderr bytes.Buffer

	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir, command.Env, command.Stdout, command.Stderr = m.folder, m.environment, &stdout, &stderr
	err = command.Run()

	return strings.TrimSpace(stdout.String()), stderr.String(), err
}

// schedule completes the deployment of any image but of one that is called broken: that fails, and goes back to what completed.
func schedule(ctx context.Context, cloud *emulator.Emulator) {
	client := ecs.NewFromConfig(cloud.Owner())

	for ctx.Err() == nil {
		answer, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("app-test"), Services: []string{"api"}})
		if err == nil && len(answer.Services) == 1 && aws.ToString(answer.Services[0].Status) == "ACTIVE" {
			decide(ctx, cloud, client, answer.Services[0].Deployments)
		}

		time.Sleep(200 * time.Millisecond) // the pace of a scheduler
	}
}

// decide reports on the primary deployment. The next call tells those that are over.
func decide(ctx context.Context, cloud *emulator.Emulator, client *ecs.Client, deployments []types.Deployment) {
	primary, completed, over := deployments[0], "", []string{}

	for _, other := range deployments[1:] {
		over = append(over, aws.ToString(other.Id))
		completed = aws.ToString(other.Id)
	}

	definition, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: primary.TaskDefinition})
	if err != nil {
		return
	}

	id, image := aws.ToString(primary.Id), aws.ToString(definition.TaskDefinition.ContainerDefinitions[0].Image)
	if !strings.HasPrefix(image, "broken") {
		_ = cloud.ReportDeployments(ctx, "app-test", "api", map[string]emulator.Deployment{id: {State: "COMPLETED", Reason: "completed", Running: 2}}, over)

		return
	}

	state := emulator.Deployment{State: "FAILED", Reason: image + " does not answer", Failed: 3}
	_ = cloud.ReportDeployments(ctx, "app-test", "api", map[string]emulator.Deployment{id: state}, nil)

	if completed != "" {
		_ = cloud.RollBack(ctx, "app-test", "api", completed)
	}
}
