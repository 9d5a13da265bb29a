package codepipeline_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// state is what Terraform shows of a stack with these resources.
func state(t *testing.T, resources ...string) *tfjson.State {
	t.Helper()

	text := `{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{"resources":[` + strings.Join(resources, ",") + `]}}}`

	var found tfjson.State

	require.NoError(t, json.Unmarshal([]byte(text), &found))

	return &found
}

const project = `{"address":"aws_codebuild_project.action[\"Build\"]","mode":"managed","type":"aws_codebuild_project","name":"action","values":{
	"name":"cicd-test-build","arn":"arn:aws:codebuild:eu-west-1:123456789012:project/cicd-test-build","service_role":"role/build","build_timeout":30,
	"source":[{"buildspec":"buildspec/build.yml"}],
	"environment":[{"image":"toolbox@sha256:1","privileged_mode":true,"environment_variable":[{"name":"IMAGE_PLATFORM","value":"linux/amd64","type":"PLAINTEXT"}]}]}}`

// pipelineOf is a pipeline of one stage with these actions.
func pipelineOf(actions string) string {
	return `{"address":"aws_codepipeline.this","mode":"managed","type":"aws_codepipeline","name":"this","values":{
		"name":"cicd-test","role_arn":"role/pipeline","artifact_store":[{"location":"artifacts"}],
		"trigger":[{"git_configuration":[{"push":[{"branches":[{"includes":["master"]}],"file_paths":[{"includes":["**"],"excludes":["README.md","**/README.md"]}]}]}]}],
		"stage":[{"name":"Stage","action":[` + actions + `]}]}}`
}

// onFailure is a pipeline of one stage, which is configured for failures.
func onFailure(settings string) string {
	return strings.Replace(pipelineOf(source), `"name":"Stage",`, `"name":"Stage","on_failure":[`+settings+`],`, 1)
}

const (
	build    = `{"name":"Build","category":"Build","owner":"AWS","provider":"CodeBuild","run_order":2,"namespace":"Build","input_artifacts":["source"],"output_artifacts":["image"],"configuration":{"ProjectName":"cicd-test-build"}}`
	source   = `{"name":"Source","category":"Source","owner":"AWS","provider":"CodeStarSourceConnection","run_order":1,"output_artifacts":["source"],"configuration":{"BranchName":"master"}}`
	approval = `{"name":"Approval","category":"Approval","owner":"AWS","provider":"Manual","run_order":2,"configuration":{}}`
)

func TestFromState(t *testing.T) {
	t.Parallel()

	found, err := codepipeline.FromState(state(t, project, pipelineOf(build+","+source+","+approval)))
	require.NoError(t, err)

	assert.Equal(t, "cicd-test", found.Name)
	assert.Equal(t, "role/pipeline", found.RoleARN)
	assert.Equal(t, "artifacts", found.Bucket)
	require.Len(t, found.Stages, 1)

	groups := found.Stages[0].Groups()
	require.Len(t, groups, 2, "actions are grouped by run order")
	assert.Equal(t, "Source", groups[0][0].Name)
	require.Len(t, groups[1], 2)

	action := groups[1][0]
	assert.Equal(t, codepipeline.CodeBuild, action.Kind)
	assert.Equal(t, []string{"source"}, action.Inputs)
	assert.Equal(t, []string{"image"}, action.Outputs)
	assert.Equal(t, &codepipeline.Project{
		Name: "cicd-test-build", ARN: "arn:aws:codebuild:eu-west-1:123456789012:project/cicd-test-build", RoleARN: "role/build",
		Buildspec: "buildspec/build.yml", Timeout: 30 * time.Minute, Image: "toolbox@sha256:1", Privileged: true,
		Variables: []codebuild.Variable{{Name: "IMAGE_PLATFORM", Value: "linux/amd64", Type: "PLAINTEXT"}},
	}, action.Project)
}

func TestOnFailure(t *testing.T) {
	t.Parallel()

	for settings, want := range map[string]codepipeline.FailureResult{
		`{"result":"ROLLBACK","retry_configuration":[]}`:                             codepipeline.RollBack,
		`{"result":"RETRY","retry_configuration":[{"retry_mode":"FAILED_ACTIONS"}]}`: codepipeline.RetryFailed,
		`{"result":"RETRY","retry_configuration":[{"retry_mode":"ALL_ACTIONS"}]}`:    codepipeline.RetryAll,
	} {
		found, err := codepipeline.FromState(state(t, onFailure(settings)))
		require.NoError(t, err)
		assert.Equal(t, want, found.Stages[0].OnFailure)
	}
}

// What a rehearsal does not know is an error that names it, never skipped.
func TestUnknown(t *testing.T) {
	t.Parallel()

	for want, resources := range map[string][]string{
		"the action Invoke of the stage Stage: a rehearsal does not know how to Invoke by Lambda": {
			pipelineOf(`{"name":"Invoke","category":"Invoke","owner":"AWS","provider":"Lambda"}`),
		},
		"the action Ship of the stage Stage: a rehearsal does not know how to Deploy by S3": {
			pipelineOf(`{"name":"Ship","category":"Deploy","owner":"AWS","provider":"S3"}`),
		},
		"the action Build of the stage Stage: a rehearsal does not know actions of the owner Custom": {
			pipelineOf(`{"name":"Build","category":"Build","owner":"Custom","provider":"CodeBuild"}`),
		},
		`the action Build of the stage Stage: there is no project "cicd-test-build"`: {pipelineOf(build)},
		"the stage Stage: a rehearsal does not know on_failure SKIP":                 {onFailure(`{"result":"SKIP"}`)},
		"the stage Stage: a rehearsal does not know conditions in on_failure":        {onFailure(`{"result":"ROLLBACK","condition":[{}]}`)},

		"the state has no pipeline":            {project},
		"the state has more than one pipeline": {pipelineOf(source), pipelineOf(source)},
	} {
		_, err := codepipeline.FromState(state(t, resources...))
		require.EqualError(t, err, want)
	}

	_, err := codepipeline.FromState(&tfjson.State{})
	require.EqualError(t, err, "the state is empty: is the cicd stack applied?")
}

func TestStarts(t *testing.T) {
	t.Parallel()

	found, err := codepipeline.FromState(state(t, pipelineOf(source)))
	require.NoError(t, err)

	for _, row := range []struct {
		branch string
		files  []string
		want   bool
	}{
		{"master", []string{"src/echo/echo.go"}, true},
		{"master", []string{"README.md", "src/README.md"}, false},
		{"master", []string{"README.md", "go.mod"}, true},
		{"main", []string{"go.mod"}, false},
		{"master", nil, false},
	} {
		assert.Equal(t, row.want, found.Starts(row.branch, row.files), "%s %v", row.branch, row.files)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()

	known := map[string]string{"Build.IMAGE_ID": "sha256:1", "DeployApp.ALB_URL": "http://127.0.0.1"}

	resolved, err := codepipeline.Resolve(`[{"value":"#{Build.IMAGE_ID}"},{"value":"#{DeployApp.ALB_URL}/"}]`, known)
	require.NoError(t, err)
	assert.Equal(t, `[{"value":"sha256:1"},{"value":"http://127.0.0.1/"}]`, resolved)

	_, err = codepipeline.Resolve("#{Build.IMAGE} and #{Source.CommitId}", known)
	require.EqualError(t, err, "no action has set #{Build.IMAGE}, #{Source.CommitId}")
}

func TestCheckCustomData(t *testing.T) {
	t.Parallel()

	require.NoError(t, codepipeline.CheckCustomData(strings.Repeat("ä", 1000)))
	require.EqualError(t, codepipeline.CheckCustomData(strings.Repeat("a", 1001)), "CustomData of the approval has 1001 characters; the limit is 1000")
}
