package infra_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A call needs more than its action: on its resource, under the statement's conditions, and with all that AWS asks besides.
//
//nolint:tparallel // one caller's rights change from call to call
func TestWhatCallsNeed(t *testing.T) {
	t.Parallel()

	const (
		create  = "ec2 create-vpc --cidr-block 10.0.0.0/16"
		tagged  = create + " --tag-specifications ResourceType=vpc,Tags=[{Key=Stack,Value=app}]"
		balance = "elbv2 create-load-balancer --name app-test --subnets subnet-1"
		scale   = " --service-namespace ecs --resource-id service/app-test/api --scalable-dimension ecs:service:DesiredCount"
		pass    = "ecs register-task-definition --family app-test-api --container-definitions [] --task-role-arn arn:aws:iam::123456789012:role/app-test-api-task"
		target  = "events put-targets --rule app-test-outside --targets Id=home,Arn=arn:aws:events:us-west-2:123456789012:event-bus/default,RoleArn=arn:aws:iam::123456789012:role/home"
		group   = "logs create-log-group --log-group-name /ecs/app-test-api"

		ifTagged  = `"Action":"ec2:CreateVpc","Resource":"arn:aws:ec2:*:*:vpc/*","Condition":{"StringEquals":{"aws:RequestTag/Stack":"app"}}`
		onlyGroup = `"Action":"logs:CreateLogGroup","Resource":"arn:aws:logs:*:*:log-group:/ecs/app-test-*:*"`
	)

	cloud := testkit.Emulator(t, "infra")
	owner := awsiam.NewFromConfig(cloud.Owner())

	_, err := owner.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("caller")})
	require.NoError(t, err)

	key, err := owner.CreateAccessKey(t.Context(), &awsiam.CreateAccessKeyInput{UserName: aws.String("caller")})
	require.NoError(t, err)

	caller := &stack{folder: t.TempDir(), environment: cloud.Environment(os.Environ())}
	caller.environment["AWS_ACCESS_KEY_ID"], caller.environment["AWS_SECRET_ACCESS_KEY"] = *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey

	allow := func(actions string) string {
		return `"Action":["` + strings.ReplaceAll(actions, " ", `","`) + `"],"Resource":"*"`
	}

	for _, row := range []struct {
		command    string
		statements []string
		missing    string // an action and the beginning of a resource, or nothing
	}{
		// In a fresh account, the first call of a service makes the service's own role, in its caller's name.
		{"ecs create-cluster --cluster-name app-test", []string{allow("ecs:CreateCluster")}, "iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/"},
		{"ecs create-cluster --cluster-name app-test", []string{allow("ecs:CreateCluster iam:CreateServiceLinkedRole")}, ""},
		{balance, []string{allow("elasticloadbalancing:CreateLoadBalancer ec2:GetSecurityGroupsForVpc")}, "iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/"},

		{balance, []string{allow("elasticloadbalancing:CreateLoadBalancer iam:CreateServiceLinkedRole")}, "ec2:GetSecurityGroupsForVpc"},
		{balance, []string{allow("elasticloadbalancing:CreateLoadBalancer iam:CreateServiceLinkedRole ec2:GetSecurityGroupsForVpc")}, ""},
		{"application-autoscaling put-scaling-policy --policy-name cpu" + scale, []string{allow("application-autoscaling:PutScalingPolicy")}, "cloudwatch:PutMetricAlarm on resource: arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"},
		{"application-autoscaling put-scaling-policy --policy-name cpu" + scale, []string{allow("application-autoscaling:PutScalingPolicy cloudwatch:PutMetricAlarm")}, ""},

		{pass, []string{allow("ecs:RegisterTaskDefinition")}, "iam:PassRole on resource: arn:aws:iam::123456789012:role/app-test-api-task"},
		{pass, []string{allow("ecs:RegisterTaskDefinition"), allow("iam:PassRole") + `,"Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`}, "iam:PassRole"},
		{pass, []string{allow("ecs:RegisterTaskDefinition"), allow("iam:PassRole") + `,"Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}`}, ""},

		{target, []string{allow("events:PutTargets")}, "iam:PassRole on resource: arn:aws:iam::123456789012:role/home"},
		{target, []string{allow("events:PutTargets iam:PassRole")}, ""},

		{create, []string{ifTagged}, "ec2:CreateVpc on resource: arn:aws:ec2:eu-west-1:123456789012:vpc/unknown"},
		{tagged, []string{ifTagged}, "ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:123456789012:vpc/unknown"},
		{tagged, []string{ifTagged, allow("ec2:CreateTags") + `,"Condition":{"StringEquals":{"ec2:CreateAction":"CreateVpc"}}`}, ""},

		{group, []string{onlyGroup}, ""},
		{group + " --tags Stack=app", []string{onlyGroup}, "logs:TagResource on resource: arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app-test-api,"},
		{"logs create-log-group --log-group-name /ecs/app-prod-api", []string{onlyGroup}, "logs:CreateLogGroup on resource: arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app-prod-api:log-stream:"},
	} {
		service, _, _ := strings.Cut(row.command, " --")

		t.Run(service+" without "+row.missing, func(t *testing.T) {
			require.NoError(t, cloud.Enforce(t.Context(), false))

			_, err := owner.PutUserPolicy(t.Context(), &awsiam.PutUserPolicyInput{
				UserName: aws.String("caller"), PolicyName: aws.String("rights"), PolicyDocument: aws.String(
					`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + strings.Join(row.statements, `},{"Effect":"Allow",`) + `}]}`),
			})
			require.NoError(t, err)
			require.NoError(t, cloud.Enforce(t.Context(), true))

			// Whether the call then succeeds is not the point: only whether it is denied.
			_, complaint, _ := caller.run(t, "aws", strings.Fields(row.command)...)

			if row.missing == "" {
				assert.NotRegexp(t, "AccessDenied|authorized", complaint)
			} else {
				assert.Contains(t, complaint, "authorized to perform: "+row.missing)
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
