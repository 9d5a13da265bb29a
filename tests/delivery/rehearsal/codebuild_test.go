package rehearsal_test

import (
	"bytes"
	"io"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

const probe = `version: 0.2
env:
  shell: bash
  variables: { PLAIN: "of the buildspec", OVERRIDDEN: "of the buildspec" }
  parameter-store: { PARAMETER: /clockmirror/parameter }
  secrets-manager: { SECRET: "clockmirror/secret:key" }
  exported-variables: [FOUND]
phases:
  install:
    commands:
      - export HANDED=on
  build:
    commands:
      - FOUND="$PLAIN, $OVERRIDDEN, $PARAMETER, $SECRET, $HANDED, $(cat "$CODEBUILD_SRC_DIR_other/deep/file")"
      - export FOUND
      - test "$(git -C "$CODEBUILD_SRC_DIR" rev-parse HEAD)" = "$CODEBUILD_RESOLVED_SOURCE_VERSION"
      - if docker version; then false; fi
      - mkdir -p "$CODEBUILD_SRC_DIR/out/deep"
      - cd "$CODEBUILD_SRC_DIR/out"
      - touch a.txt deep/b.txt
      - $LAST
artifacts:
  base-directory: out
  files: ["**/*.txt"]
`

// probeCommit has a buildspec that checks its surroundings.
func probeCommit(t *testing.T, e *rehearsal.Environment) string {
	t.Helper()

	return alter(t, e, map[string]func(string) string{"buildspec/probe.yml": func(string) string { return probe }})
}

// testCodeBuild: what a build gets and leaves, in a container and as its role. The order of phases and commands is tested in
// src/rehearsal/codebuild.
func testCodeBuild(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, commit string) {
	role := probeRole(t, e)

	run := codepipeline.NewExecution(first.Commit, first)
	run.Commit = commit
	run.Number = 100
	_, err := e.Act(t.Context(), run, e.Pipeline().Stages[0].Actions[0], 1, io.Discard)
	require.NoError(t, err)

	run.Artifacts["other"], err = e.PutArtifact(t.Context(), "other", fstest.MapFS{"deep/file": {Data: []byte("of another artifact")}})
	require.NoError(t, err)

	action := codepipeline.Action{
		Name: "Probe", Kind: codepipeline.CodeBuild, Namespace: "Probe", Inputs: []string{"source", "other"}, Outputs: []string{"probed"},
		Configuration: map[string]string{
			"PrimarySource":        "source",
			"EnvironmentVariables": `[{"name":"OVERRIDDEN","value":"of #{Source.BranchName}"},{"name":"LAST","value":"true"}]`,
		},
		Project: &codepipeline.Project{
			Name: "probe", RoleARN: role, Buildspec: "buildspec/probe.yml", Timeout: time.Minute,
			Variables: []codebuild.Variable{{Name: "OVERRIDDEN", Value: "of the project"}},
		},
	}

	var log bytes.Buffer

	_, err = e.Act(t.Context(), run, action, 1, &log)
	require.NoError(t, err, log.String())
	assert.Equal(t, "of the buildspec, of master, of the parameter, of the secret, on, of another artifact", run.Variables["Probe.FOUND"])

	left, err := e.GetArtifact(t.Context(), "probed", run.Artifacts["probed"])
	require.NoError(t, err)

	require.NoError(t, fstest.TestFS(left, "a.txt", "deep/b.txt"))

	for want, test := range map[string]struct {
		last  string
		limit time.Duration
	}{
		"exit status 7":      {"exit 7", time.Minute},
		"timed out after 5s": {"sleep 300", 5 * time.Second},
	} {
		delete(run.Artifacts, "probed")

		action.Configuration["EnvironmentVariables"] = `[{"name":"LAST","value":"` + test.last + `"}]`
		action.Project.Timeout = test.limit

		log.Reset()

		_, err = e.Act(t.Context(), run, action, 1, &log)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, run.Artifacts, "probed", "a failed build leaves an artifact")
	}

	// A project without the permission to read a parameter gets that error.
	denied := *action.Project
	denied.RoleARN = e.Pipeline().Stages[1].Actions[0].Project.RoleARN
	action.Project, action.Inputs = &denied, []string{"source"}

	_, err = e.Act(t.Context(), run, action, 1, &log)
	require.ErrorContains(t, err, "not authorized to perform: ssm:GetParameters")
}

// probeRole creates what the probe reads, and a role that may read it.
func probeRole(t *testing.T, e *rehearsal.Environment) string {
	t.Helper()

	_, err := ssm.NewFromConfig(e.Administrator()).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/clockmirror/parameter"), Value: aws.String("of the parameter"), Type: ssmtypes.ParameterTypeSecureString,
	})
	require.NoError(t, err)

	_, err = secretsmanager.NewFromConfig(e.Administrator()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("clockmirror/secret"), SecretString: aws.String(`{"key":"of the secret"}`),
	})
	require.NoError(t, err)

	roles := iam.NewFromConfig(e.Administrator())
	made, err := roles.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("probe"),
		AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"codebuild.amazonaws.com"}}]}`),
	})
	require.NoError(t, err)

	_, err = roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("probe"), PolicyName: aws.String("probe"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[` +
			`"s3:GetObject","s3:PutObject","ssm:GetParameters","secretsmanager:GetSecretValue"]}]}`),
	})
	require.NoError(t, err)

	return aws.ToString(made.Role.Arn)
}
