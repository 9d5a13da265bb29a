package infra_test

import (
	"os"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// testPipelineOptions applies the pipeline with everything that the defaults leave out, changes what is live, and destroys it.
func testPipelineOptions(t *testing.T, cloud *emulator.Emulator) {
	t.Helper()

	full := newStack(t, "cicd", cloud.Environment(os.Environ()), "env=full", "tf_state_bucket="+stateBucket, gitRepository,
		"require_approval=true", "approval_hours=24", "notification_email=ops@example.com", "red_hours=8", "image_platform=linux/arm64",
		"hosted_zone_id="+hostedZone(t, cloud), "image_repository=clockmirror-full", "bake_minutes=10",
		`customers=["a"]`,
	)
	full.initInBucket(t, "full")

	pullRequests := []string{`pull_request_actors=["583231"]`, "pull_request_connection_arn=" + confirmed(t, cloud, full, "GitHub")}
	github, gitlab := "connection_arn="+confirmed(t, cloud, full, "GitHub"), "connection_arn="+confirmed(t, cloud, full, "GitLab")

	digest := "sha256:" + strings.Repeat("0", 64)

	last := append([]string{gitlab}, pullRequests...)

	for _, step := range []struct {
		name      string
		variables []string
		changed   map[string]tfjson.Action
	}{
		{"everything", append([]string{github}, pullRequests...), map[string]tfjson.Action{
			`aws_codebuild_webhook.pull_request["UnitTest"]`: tfjson.ActionCreate,
		}},
		{"another person, branch and machine", []string{github, `pull_request_actors=["1"]`, pullRequests[1], "branch=main", "image_platform=linux/amd64", "toolbox_digest=" + digest}, map[string]tfjson.Action{
			`aws_codebuild_webhook.pull_request["UnitTest"]`: tfjson.ActionUpdate,
			`aws_codebuild_project.pull_request["UnitTest"]`: tfjson.ActionUpdate,
			`aws_codebuild_project.action["UnitTest"]`:       tfjson.ActionUpdate,
		}},
		{"no pull requests", []string{github}, map[string]tfjson.Action{
			`aws_codebuild_webhook.pull_request["UnitTest"]`: tfjson.ActionDelete,
		}},
		{"an environment in front, which moves nothing", []string{github, `environments=[{name="gamma",require_approval=false},{name="full"}]`}, map[string]tfjson.Action{
			`aws_codepipeline.this`:                           tfjson.ActionUpdate,
			`aws_codebuild_project.action["DeployECR"]`:       tfjson.ActionUpdate,
			`aws_codebuild_project.action["DeployApp-gamma"]`: tfjson.ActionCreate,
		}},
		{"pull requests at another Git host", last, map[string]tfjson.Action{
			`aws_codebuild_webhook.pull_request["UnitTest"]`: tfjson.ActionCreate,
		}},
	} {
		changes, _ := full.plan(t, step.variables...)

		for address, action := range step.changed {
			assert.Equal(t, tfjson.Actions{action}, changes[address], "%s: %s", step.name, address)
		}

		if strings.Contains(step.name, "moves nothing") {
			for address, actions := range changes {
				assert.False(t, actions.Delete() || actions.Replace(), "%s: %s goes", step.name, address)
			}
		}

		full.apply(t, step.variables...)
		full.requireSettled(t, step.variables...)
	}

	// CodeBuild has no credentials of its own for the account's registry.
	for credentials, image := range map[string]string{
		"CODEBUILD": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/cicd-full-toolbox@" + digest, "SERVICE_ROLE": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
	} {
		assert.Contains(t, full.refused(t, "env", "aws", "codebuild", "update-project", "--name", "cicd-full-build", "--environment",
			"type=LINUX_CONTAINER,computeType=BUILD_GENERAL1_SMALL,image="+image+",imagePullCredentialsType="+credentials), "is pulled with")
	}

	requireStructure(t, full)

	full.requireDestroyed(t, last...)
}

// requireStructure checks that a pipeline is refused as AWS refuses it: with a name twice, or with what no action has made.
func requireStructure(t *testing.T, full *stack) {
	t.Helper()

	pipeline := full.must(t, "env", "aws", "codepipeline", "get-pipeline", "--name", "cicd-full", "--query", "pipeline", "--output", "json")

	for _, row := range []struct{ from, to, complaint string }{
		{`"namespace": "Accept"`, `"namespace": "Verify"`, "Namespaces must be unique across the pipeline definition"},
		{`"name": "screenshots"`, `"name": "image"`, "Output Artifact Bundle name must be unique within the pipeline. image"},
		{`"name": "StaticAnalysis"`, `"name": "UnitTest"`, "Action names must be unique within a stage: UnitTest"},
		{`"name": "imagedefs"`, `"name": "else"`, "No action before DeployApp makes its input artifact else"},
	} {
		require.Contains(t, pipeline, row.from)
		assert.Contains(t, full.refused(t, "env", "aws", "codepipeline", "update-pipeline", "--pipeline", strings.Replace(pipeline, row.from, row.to, 1)), row.complaint)
	}
}

// confirmed makes a connection to a Git host, confirms it as a person does, and returns its ARN.
func confirmed(t *testing.T, cloud *emulator.Emulator, by *stack, host string) string {
	t.Helper()

	arn := by.must(t, "env", "aws", "codeconnections", "create-connection", "--connection-name", testkit.Unique(), "--provider-type", host,
		"--query", "ConnectionArn", "--output", "text")
	require.NoError(t, cloud.ConfirmConnection(t.Context(), arn))

	return arn
}
