package infra_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// identities are the pipeline's roles with what they may do, and `made`: an administrator with the boundary, the most that
// DeployApp can make.
func identities(t *testing.T, pipeline, bootstrap *stack) map[string]iam.Identity {
	t.Helper()

	found := map[string]iam.Identity{}
	for role, documents := range documentsByRole(t, pipeline) {
		found[role] = iam.Identity{Policies: documents}
	}

	for _, resource := range bootstrap.resources(t) {
		if resource.Address == "aws_iam_policy.boundary" {
			boundary := parsePolicy(t, resource.AttributeValues["policy"])
			found["made"] = iam.Identity{
				Policies: []iam.Document{parsePolicy(t, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)},
				Boundary: &boundary,
			}
		}
	}

	return found
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

	printed := from.must(t, "aws", "sts", "assume-role", "--role-session-name", "test", "--output", "text",
		"--role-arn", "arn:aws:iam::123456789012:role/"+role, "--query", "Credentials.[AccessKeyId, SecretAccessKey, SessionToken]")

	fields := strings.Fields(printed)
	require.Len(t, fields, 3)

	environment := maps.Clone(from.environment)
	environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], environment["AWS_SESSION_TOKEN"] = fields[0], fields[1], fields[2]

	return environment
}

// configAs is what the SDK needs to use the credentials in an environment.
func configAs(cloud *emulator.Emulator, environment map[string]string) aws.Config {
	return cloud.Config(aws.Credentials{
		AccessKeyID: environment["AWS_ACCESS_KEY_ID"], SecretAccessKey: environment["AWS_SECRET_ACCESS_KEY"], SessionToken: environment["AWS_SESSION_TOKEN"],
	})
}
