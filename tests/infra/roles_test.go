package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// identities are the pipeline's roles with what they may do, and `made`: an administrator with the boundary, the most that
// DeployApp can make.
func identities(t *testing.T, pipeline, bootstrap *stack) map[string]iam.Identity {
	t.Helper()

	parse := func(text any) iam.Document {
		document, err := iam.Parse(fmt.Sprint(text))
		require.NoError(t, err)

		return document
	}

	found, managed := map[string]iam.Identity{}, map[string]iam.Document{}
	add := func(role any, document iam.Document) {
		who := found[fmt.Sprint(role)]
		who.Policies = append(who.Policies, document)
		found[fmt.Sprint(role)] = who
	}

	all := managedResources(t, pipeline)
	for _, resource := range all {
		if resource.Type == "aws_iam_policy" {
			text := fmt.Sprint(resource.AttributeValues["policy"])
			assert.LessOrEqual(t, len(text), 6144, "%s is longer than AWS lets a policy be", resource.Address)
			managed[fmt.Sprint(resource.AttributeValues["arn"])] = parse(text)
		}
	}

	for _, resource := range all {
		values := resource.AttributeValues
		switch resource.Type {
		case "aws_iam_role_policy":
			add(values["role"], parse(values["policy"]))
		case "aws_iam_role_policy_attachment":
			add(values["role"], managed[fmt.Sprint(values["policy_arn"])])
		}
	}

	for _, resource := range managedResources(t, bootstrap) {
		if resource.Address == "aws_iam_policy.boundary" {
			boundary := parse(resource.AttributeValues["policy"])
			found["made"] = iam.Identity{
				Policies: []iam.Document{parse(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)},
				Boundary: &boundary,
			}
		}
	}

	return found
}

func managedResources(t *testing.T, s *stack) []*tfjson.StateResource {
	t.Helper()

	state, err := s.Show(t.Context())
	require.NoError(t, err)

	var managed []*tfjson.StateResource

	for _, resource := range state.Values.RootModule.Resources {
		if resource.Mode == tfjson.ManagedResourceMode {
			managed = append(managed, resource)
		}
	}

	return managed
}

func output(t *testing.T, s *stack, name string) string {
	t.Helper()

	outputs, err := s.Output(t.Context())
	require.NoError(t, err)

	var value string

	require.NoError(t, json.Unmarshal(outputs[name].Value, &value))

	return value
}

// assume returns the environment in which a role's credentials are used. Who may assume it is not asked here: that is the
// service for which it is.
func assume(t *testing.T, from *stack, role string) map[string]string {
	t.Helper()

	printed, complaint, err := from.run(t, "aws", "sts", "assume-role", "--role-session-name", "test", "--output", "text",
		"--role-arn", "arn:aws:iam::123456789012:role/"+role, "--query", "Credentials.[AccessKeyId, SecretAccessKey, SessionToken]")
	require.NoError(t, err, complaint)

	fields := strings.Fields(printed)
	require.Len(t, fields, 3)

	environment := maps.Clone(from.environment)
	environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"] = fields[0], fields[1], fields[2]

	return environment
}

// configAs is what the SDK needs to use the credentials in an environment.
func configAs(t *testing.T, cloud *emulator.Emulator, environment map[string]string) aws.Config {
	t.Helper()

	as := awsConfig(t, cloud)
	as.Credentials = credentials.NewStaticCredentialsProvider(
		environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"])

	return as
}
