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

	// In a fresh account, these calls create the service's role as well.
	const linkedRole = "iam:CreateServiceLinkedRole"

	for _, row := range []struct{ command, action, dependent string }{
		{
			"elbv2 create-load-balancer --name app-test --subnets subnet-1",
			"elasticloadbalancing:CreateLoadBalancer", "ec2:GetSecurityGroupsForVpc",
		},
		{
			"application-autoscaling put-scaling-policy --policy-name cpu --service-namespace ecs --resource-id service/app-test/api --scalable-dimension ecs:service:DesiredCount",
			"application-autoscaling:PutScalingPolicy", "cloudwatch:PutMetricAlarm",
		},
	} {
		t.Run(row.action+" needs "+row.dependent, func(t *testing.T) {
			for _, rights := range []struct {
				actions string
				denied  bool
			}{
				{fmt.Sprintf("%q,%q", row.action, linkedRole), true},
				{fmt.Sprintf("%q,%q,%q", row.action, linkedRole, row.dependent), false},
			} {
				require.NoError(t, cloud.Enforce(t.Context(), false))

				owner.must(t, "aws", "iam", "put-user-policy", "--user-name", "caller", "--policy-name", "rights",
					"--policy-document", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"*"}]}`, rights.actions))
				require.NoError(t, cloud.Enforce(t.Context(), true))

				// Whether the call then succeeds is not the point: only whether it is denied.
				_, complaint, _ := caller.run(t, "aws", strings.Fields(row.command)...)
				denied := strings.Contains(complaint, "AccessDenied") || strings.Contains(complaint, "not authorized")
				assert.Equal(t, rights.denied, denied, "with %s: %s", rights.actions, complaint)
			}
		})
	}
}
