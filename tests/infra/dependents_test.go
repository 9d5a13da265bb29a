package infra_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// AWS asks more of a caller than the call itself, and so does the emulator.
//
//nolint:tparallel // rights are added one after the other
func TestDependentActions(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	owner := &stack{folder: t.TempDir(), environment: cloud.Environment(os.Environ())}

	owner.must(t, "aws", "iam", "create-user", "--user-name", "caller")

	printed := owner.must(t, "aws", "iam", "create-access-key", "--user-name", "caller", "--output", "text",
		"--query", "AccessKey.[AccessKeyId, SecretAccessKey]")

	keys := strings.Fields(printed)
	require.Len(t, keys, 2)

	caller := &stack{folder: t.TempDir(), environment: cloud.Environment(os.Environ())}
	caller.environment["AWS_ACCESS_KEY_ID"], caller.environment["AWS_SECRET_ACCESS_KEY"] = keys[0], keys[1]

	// In a fresh account, the first call of a service makes the service's role as well.
	const linkedRole = "iam:CreateServiceLinkedRole"

	for _, row := range []struct {
		command, action string
		others          []string // that are granted too
		dependent       string
	}{
		{"ecs create-cluster --cluster-name app-test", "ecs:CreateCluster", nil, linkedRole},
		{
			"elbv2 create-load-balancer --name app-test --subnets subnet-1",
			"elasticloadbalancing:CreateLoadBalancer",
			[]string{linkedRole},
			"ec2:GetSecurityGroupsForVpc",
		},
		{
			"application-autoscaling put-scaling-policy --policy-name cpu --service-namespace ecs --resource-id service/app-test/api --scalable-dimension ecs:service:DesiredCount",
			"application-autoscaling:PutScalingPolicy",
			[]string{linkedRole},
			"cloudwatch:PutMetricAlarm",
		},
	} {
		t.Run(row.action+" needs "+row.dependent, func(t *testing.T) {
			for _, rights := range []struct {
				actions []string
				denied  bool
			}{
				{append([]string{row.action}, row.others...), true},
				{append([]string{row.action, row.dependent}, row.others...), false},
			} {
				require.NoError(t, cloud.Enforce(t.Context(), false))

				owner.must(t, "aws", "iam", "put-user-policy", "--user-name", "caller", "--policy-name", "rights",
					"--policy-document", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}`, strings.Join(rights.actions, `","`)))
				require.NoError(t, cloud.Enforce(t.Context(), true))

				// Whether the call then succeeds is not the point: only whether it is denied.
				_, complaint, _ := caller.run(t, "aws", strings.Fields(row.command)...)
				denied := strings.Contains(complaint, "AccessDenied") || strings.Contains(complaint, "not authorized")
				assert.Equal(t, rights.denied, denied, "with %s: %s", rights.actions, complaint)
			}
		})
	}
}

// IAM counts the characters of policies that are no white space.
func TestPolicySizes(t *testing.T) {
	t.Parallel()

	owner := &stack{folder: t.TempDir(), environment: testkit.Emulator(t, "infra").Environment(os.Environ())}
	policy := func(size int) string {
		const empty = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"}]}`

		return strings.Replace(empty, ":::", ":::"+strings.Repeat("a", size-len(empty)), 1)
	}

	owner.must(t, "aws", "iam", "create-policy", "--policy-name", "largest", "--policy-document", strings.ReplaceAll(policy(6144), ",", ",\n  "))

	_, complaint, err := owner.run(t, "aws", "iam", "create-policy", "--policy-name", "larger", "--policy-document", policy(6145))
	require.Error(t, err)
	assert.Contains(t, complaint, "Cannot exceed quota for PolicySize: 6144")

	owner.must(t, "aws", "iam", "create-role", "--role-name", "tasks", "--assume-role-policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	owner.must(t, "aws", "iam", "put-role-policy", "--role-name", "tasks", "--policy-name", "one", "--policy-document", policy(10000))
	owner.must(t, "aws", "iam", "put-role-policy", "--role-name", "tasks", "--policy-name", "two", "--policy-document", policy(240))

	_, complaint, err = owner.run(t, "aws", "iam", "put-role-policy", "--role-name", "tasks", "--policy-name", "two", "--policy-document", policy(241))
	require.Error(t, err)
	assert.Contains(t, complaint, "Maximum policy size of 10240 bytes exceeded for role tasks")
}
