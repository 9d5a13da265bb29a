package infra_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// testPolicies asks the applied policies what they allow and deny: by conditions, tags, the boundary.
func testPolicies(t *testing.T, roles map[string]iam.Identity, signing string) {
	t.Helper()

	const (
		taskRole = "arn:aws:iam::123456789012:role/app-test-api-task"
		subnet   = "arn:aws:ec2:eu-west-1:123456789012:subnet/subnet-1"
		network  = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"
		key      = "arn:aws:kms:eu-west-1:123456789012:key/1"
		group    = "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-1"
		alarm    = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
		target   = "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/1"

		toolbox     = "arn:aws:ecr:eu-west-1:123456789012:repository/cicd-test-toolbox"
		outside     = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-test-outside"
		check       = "arn:aws:route53:::healthcheck/01234567-89ab-cdef-0123-456789abcdef"
		home        = "arn:aws:iam::123456789012:role/clockmirror-events-home"
		certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
		state       = "arn:aws:s3:::clockmirror-test-state/"
		files       = "arn:aws:s3:::cicd-test-123456789012-eu-west-1/"
	)

	tags := func(kind, env string) map[string]string {
		return map[string]string{"aws:" + kind + "/Project": "clockmirror", "aws:" + kind + "/Environment": env, "aws:" + kind + "/Stack": "app"}
	}
	bounded := func(arn string) map[string]string { return map[string]string{"iam:PermissionsBoundary": arn} }
	passed := func(service string) map[string]string { return map[string]string{"iam:PassedToService": service} }

	retagged := tags("ResourceTag", "prod")
	maps.Copy(retagged, tags("RequestTag", "test"))

	for _, row := range []struct {
		role, action, resource string
		context                map[string]string
		want                   bool
	}{
		// A role for tasks, and no other way to one.
		{"cicd-test-deploy-app", "iam:CreateRole", taskRole, bounded(boundaryARN), true},
		{"cicd-test-deploy-app", "iam:CreateRole", taskRole, nil, false},
		{"cicd-test-deploy-app", "iam:CreateRole", taskRole, bounded(administrator), false},
		{"cicd-test-deploy-app", "iam:CreateRole", "arn:aws:iam::123456789012:role/administrator", bounded(boundaryARN), false},
		{"cicd-test-deploy-app", "iam:PutRolePolicy", taskRole, bounded(boundaryARN), true},
		{"cicd-test-deploy-app", "iam:PutRolePolicy", taskRole, nil, false},
		{"cicd-test-deploy-app", "iam:PutRolePolicy", "arn:aws:iam::123456789012:role/cicd-test-deploy-app", bounded(boundaryARN), false},
		{"cicd-test-deploy-app", "iam:UpdateAssumeRolePolicy", "arn:aws:iam::123456789012:role/cicd-test-deploy-app", nil, false},
		{"cicd-test-deploy-app", "iam:AttachRolePolicy", taskRole, bounded(boundaryARN), false},
		{"cicd-test-deploy-app", "iam:PutRolePermissionsBoundary", taskRole, bounded(boundaryARN), false},
		{"cicd-test-deploy-app", "iam:DeleteRolePermissionsBoundary", taskRole, bounded(boundaryARN), false},
		{"cicd-test-deploy-app", "iam:CreatePolicyVersion", boundaryARN, nil, false},
		{"cicd-test-deploy-app", "iam:SetDefaultPolicyVersion", boundaryARN, nil, false},
		{"cicd-test-deploy-app", "iam:CreateServiceLinkedRole", "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", map[string]string{"iam:AWSServiceName": "ecs.amazonaws.com"}, true},
		{"cicd-test-deploy-app", "iam:CreateServiceLinkedRole", "arn:aws:iam::123456789012:role/aws-service-role/sso.amazonaws.com/X", map[string]string{"iam:AWSServiceName": "sso.amazonaws.com"}, false},
		{"cicd-test-deploy-app", "sts:AssumeRole", taskRole, nil, false},
		{"cicd-test-deploy-app", "iam:PassRole", taskRole, passed("ecs-tasks.amazonaws.com"), true},
		{"cicd-test-deploy-app", "iam:PassRole", taskRole, passed("lambda.amazonaws.com"), false},
		{"cicd-test-deploy-app", "iam:PassRole", "arn:aws:iam::123456789012:role/cicd-test", passed("ecs-tasks.amazonaws.com"), false},
		{"cicd-test-update-ecs-service", "iam:PassRole", taskRole, passed("ecs-tasks.amazonaws.com"), true},
		{"cicd-test-update-ecs-service", "iam:PassRole", taskRole, passed("ec2.amazonaws.com"), false},

		// The environment's own, by its tags and names.
		{"cicd-test-deploy-app", "ec2:CreateSubnet", subnet, tags("RequestTag", "test"), true},
		{"cicd-test-deploy-app", "ec2:CreateSubnet", subnet, nil, false},
		{"cicd-test-deploy-app", "ec2:CreateSubnet", network, tags("ResourceTag", "test"), true},
		{"cicd-test-deploy-app", "ec2:CreateSubnet", network, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "ec2:DeleteSubnet", subnet, tags("ResourceTag", "test"), true},
		{"cicd-test-deploy-app", "ec2:DeleteSubnet", subnet, tags("ResourceTag", "prod"), false},
		{"cicd-test-deploy-app", "ec2:DeleteSubnet", subnet, nil, false},
		{"cicd-test-deploy-app", "ec2:CreateTags", subnet, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "ec2:RunInstances", "arn:aws:ec2:eu-west-1:123456789012:instance/*", tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "kms:DescribeKey", key, map[string]string{"aws:ResourceTag/Project": "clockmirror", "aws:ResourceTag/Stack": "bootstrap"}, true},
		{"cicd-test-deploy-app", "kms:DescribeKey", key, nil, false},
		{"cicd-test-deploy-app", "kms:PutKeyPolicy", key, tags("ResourceTag", "test"), false},
		{"cicd-test-deploy-app", "kms:TagResource", key, retagged, false},
		{"cicd-test-deploy-app", "kms:ScheduleKeyDeletion", key, tags("ResourceTag", "test"), false},
		{"cicd-test-deploy-app", "application-autoscaling:TagResource", target, tags("ResourceTag", "test"), true},
		{"cicd-test-deploy-app", "application-autoscaling:TagResource", target, tags("ResourceTag", "prod"), false},
		{"cicd-test-deploy-app", "application-autoscaling:DeregisterScalableTarget", target, tags("ResourceTag", "prod"), false},
		{"cicd-test-deploy-app", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, true},
		{"cicd-test-deploy-app", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-prod/api", nil, false},
		{"cicd-test-deploy-app", "elasticloadbalancing:DeleteLoadBalancer", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/app-test/1", nil, false},
		{"cicd-test-update-ecs-service", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, true},
		{"cicd-test-update-ecs-service", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-prod/api", nil, false},
		{"cicd-test-deploy-ecr", "ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/clockmirror", nil, true},
		{"cicd-test-deploy-ecr", "ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/other", nil, false},
		{"cicd-test-deploy-ecr", "ecs:ListServices", "*", map[string]string{"ecs:cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/app-test"}, true},
		{"cicd-test-deploy-ecr", "ecs:ListServices", "*", map[string]string{"ecs:cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/app-prod"}, false},
		{"cicd-test-deploy-ecr", "ecs:DescribeServices", "arn:aws:ecs:eu-west-1:123456789012:service/app-prod/api", nil, false},
		{"cicd-test-deploy-ecr", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, false},
		// Who signs can't be verified by itself alone: those who deploy verify, and can't sign.
		{"cicd-test-deploy-ecr", "kms:Sign", signing, nil, true},
		{"cicd-test-deploy-ecr", "kms:Sign", key, nil, false},
		{"cicd-test-deploy-app", "kms:Sign", signing, nil, false},
		{"cicd-test-verify", "kms:Sign", signing, nil, false},
		{"cicd-test-build", "kms:Sign", signing, nil, false},
		{"cicd-test-verify", "cloudwatch:PutMetricData", "*", map[string]string{"cloudwatch:namespace": "clockmirror/test"}, true},
		{"cicd-test-verify", "cloudwatch:PutMetricData", "*", map[string]string{"cloudwatch:namespace": "clockmirror/prod"}, false},
		{"cicd-test-verify", "codepipeline:ListActionExecutions", "arn:aws:codepipeline:eu-west-1:123456789012:cicd-prod", nil, false},
		{"cicd-test-deploy-app", "kms:GetPublicKey", signing, nil, true},
		{"cicd-test-verify", "kms:GetPublicKey", signing, nil, true},
		{"cicd-test-accept", "kms:Sign", signing, nil, false},
		{"cicd-test-accept", "cloudwatch:PutMetricData", "*", map[string]string{"cloudwatch:namespace": "clockmirror/test"}, false},
		{"cicd-test-accept", "s3:PutObject", files + "cicd-test/screenshot/x", nil, true},
		{"cicd-test-accept", "s3:PutObject", files + "cicd-test/imagedefs/x", nil, false},
		{"cicd-test-deploy-app", "ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/clockmirror", nil, false},
		{"cicd-test-deploy-ecr", "codepipeline:ListActionExecutions", "arn:aws:codepipeline:eu-west-1:123456789012:cicd-test", nil, true},
		{"cicd-test-deploy-ecr", "ecr:DeleteRepository", "arn:aws:ecr:eu-west-1:123456789012:repository/clockmirror", nil, false},

		// The toolbox comes from its own project, and every action pulls it.
		{"cicd-test-toolbox", "ecr:PutImage", toolbox, nil, true},
		{"cicd-test-toolbox", "ecr:PutImage", "arn:aws:ecr:eu-west-1:123456789012:repository/clockmirror", nil, false},
		{"cicd-test-unit-test", "ecr:BatchCheckLayerAvailability", toolbox, nil, true},
		{"cicd-test-unit-test", "ecr:BatchGetImage", toolbox, nil, true},
		{"cicd-test-deploy-app", "ecr:GetDownloadUrlForLayer", toolbox, nil, true},
		{"cicd-test-deploy-ecr", "ecr:PutImage", toolbox, nil, false},

		// Another environment of the same pipeline.
		{"cicd-test-deploy-app-gamma", "ec2:DeleteSubnet", subnet, tags("ResourceTag", "gamma"), true},
		{"cicd-test-deploy-app-gamma", "ec2:DeleteSubnet", subnet, tags("ResourceTag", "test"), false},
		{"cicd-test-deploy-app-gamma", "ec2:CreateSubnet", subnet, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app-gamma", "iam:CreateRole", taskRole, bounded(boundaryARN), false},
		{"cicd-test-deploy-app-gamma", "s3:PutObject", state + "app/gamma/app/terraform.tfstate", nil, true},
		{"cicd-test-deploy-app-gamma", "s3:PutObject", state + "app/test/app/terraform.tfstate", nil, false},
		{"cicd-test-update-ecs-gamma", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-gamma/api", nil, true},
		{"cicd-test-update-ecs-gamma", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, false},
		{"cicd-test-update-ecs-gamma", "iam:PassRole", taskRole, passed("ecs-tasks.amazonaws.com"), false},
		{"cicd-test-verify-gamma", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, false},
		{"cicd-test-accept-gamma", "s3:PutObject", files + "cicd-test/screens0/x", nil, true},
		{"cicd-test-accept-gamma", "s3:PutObject", files + "cicd-test/screenshot/x", nil, false},
		{"cicd-test-deploy-ecr", "ecs:ListServices", "*", map[string]string{"ecs:cluster": "arn:aws:ecs:eu-west-1:123456789012:cluster/app-gamma"}, true},

		// What belongs to someone else can't be made the environment's own, whether it has tags or none.
		{"cicd-test-deploy-app", "kms:TagResource", key, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "kms:CreateAlias", key, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "acm:AddTagsToCertificate", certificate, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "acm:AddTagsToCertificate", certificate, retagged, false},
		{"cicd-test-deploy-app", "ec2:CreateTags", group, tags("RequestTag", "test"), false},
		{"cicd-test-deploy-app", "ec2:CreateTags", group, retagged, false},

		// The check from outside is a person's stack.
		{"cicd-test-deploy-app", "route53:GetHealthCheck", check, nil, false},
		{"cicd-test-deploy-app", "route53:CreateHealthCheck", "*", nil, false},
		{"cicd-test-deploy-app", "route53:UpdateHealthCheck", check, nil, false},
		{"cicd-test-deploy-app", "route53:DeleteHealthCheck", check, nil, false},
		{"cicd-test-deploy-app", "route53:ChangeTagsForResource", check, nil, false},
		{"cicd-test-deploy-app", "cloudwatch:PutMetricAlarm", outside, nil, false},
		{"cicd-test-deploy-app", "cloudwatch:DeleteAlarms", outside, nil, false},
		{"cicd-test-deploy-app", "cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:app-prod-outside", nil, false},
		{"cicd-test-deploy-app", "events:PutTargets", "arn:aws:events:us-east-1:123456789012:rule/app-test-outside", nil, false},
		{"cicd-test-deploy-app", "events:PutTargets", "arn:aws:events:us-east-1:123456789012:rule/app-prod-outside", nil, false},
		{"cicd-test-deploy-app", "events:DeleteRule", "arn:aws:events:us-east-1:123456789012:rule/app-test-outside", nil, false},
		{"cicd-test-deploy-app", "iam:PassRole", home, passed("events.amazonaws.com"), false},
		{"cicd-test-deploy-app", "iam:PassRole", home, passed("ecs-tasks.amazonaws.com"), false},
		{"cicd-test-deploy-app", "sts:AssumeRole", home, nil, false},

		// What AWS asks of a caller besides the call itself.
		{"cicd-test-deploy-app", "ec2:GetSecurityGroupsForVpc", network, tags("ResourceTag", "test"), true},
		{"cicd-test-deploy-app", "cloudwatch:PutMetricAlarm", alarm, nil, true},
		{"cicd-test-deploy-app", "cloudwatch:DeleteAlarms", alarm, nil, true},
		{"cicd-test-deploy-app", "cloudwatch:PutMetricAlarm", alarm + "TargetTracking-service/app-test/api-AlarmHigh-1", nil, true},
		{"cicd-test-deploy-app", "cloudwatch:DeleteAlarms", alarm + "TargetTracking-service/app-test/api-AlarmHigh-1", nil, true},
		{"cicd-test-deploy-app", "cloudwatch:DeleteAlarms", alarm + "TargetTracking-service/app-prod/api-AlarmHigh-1", nil, false},
		{"cicd-test-deploy-app", "ecs:ListServiceDeployments", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, true},
		{"cicd-test-deploy-app", "ecs:DescribeServiceDeployments", "arn:aws:ecs:eu-west-1:123456789012:service-deployment/app-test/api/1", nil, true},
		{"cicd-test-deploy-app", "ecs:DescribeServiceDeployments", "arn:aws:ecs:eu-west-1:123456789012:service-deployment/app-prod/api/1", nil, false},
		{"cicd-test-deploy-app", "logs:DescribeLogGroups", "arn:aws:logs:eu-west-1:123456789012:log-group::log-stream:", nil, true},
		{"cicd-test-deploy-app", "logs:CreateLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-app-test:log-stream:", nil, true},
		{"cicd-test-deploy-app", "logs:TagResource", "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-app-test", nil, true},
		{"cicd-test-deploy-app", "logs:CreateLogGroup", "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-app-test2:log-stream:", nil, false},

		// States and artifacts, by the beginning of their keys.
		{"cicd-test-deploy-ecr", "s3:PutObject", state + "ecr/test/ecr/terraform.tfstate", nil, true},
		{"cicd-test-deploy-ecr", "s3:PutObject", state + "ecr/prod/ecr/terraform.tfstate", nil, false},
		{"cicd-test-deploy-ecr", "s3:DeleteObject", state + "ecr/test/ecr/terraform.tfstate.tflock", nil, true},
		{"cicd-test-deploy-ecr", "s3:DeleteObject", state + "ecr/test/ecr/terraform.tfstate", nil, false},
		{"cicd-test-deploy-ecr", "s3:ListBucket", "arn:aws:s3:::clockmirror-test-state", map[string]string{"s3:prefix": "ecr/"}, true},
		{"cicd-test-deploy-ecr", "s3:ListBucket", "arn:aws:s3:::clockmirror-test-state", map[string]string{"s3:prefix": "app/"}, false},
		{"cicd-test-build", "s3:PutObject", files + "cicd-test/image/x", nil, true},
		{"cicd-test-build", "s3:PutObject", files + "cicd-test/source/x", nil, false},
		{"cicd-test-deploy-ecr", "s3:GetObject", files + "cicd-test/image/x", nil, true},
		{"cicd-test-deploy-ecr", "s3:PutObject", files + "cicd-test/image/x", nil, false},
		{"cicd-test-toolbox", "s3:GetObject", files + "toolbox/source.zip", nil, true},
		{"cicd-test-toolbox", "s3:GetObject", files + "cicd-test/image/x", nil, false},
		{"cicd-test", "codebuild:StartBuild", "arn:aws:codebuild:eu-west-1:123456789012:project/cicd-test-build", nil, true},
		{"cicd-test", "codebuild:StartBuild", "arn:aws:codebuild:eu-west-1:123456789012:project/other", nil, false},
		{"cicd-test", "sts:AssumeRole", "arn:aws:iam::123456789012:role/cicd-test-update-ecs-service", nil, true},
		{"cicd-test", "sts:AssumeRole", "arn:aws:iam::123456789012:role/cicd-test-deploy-app", nil, false},

		// An administrator that DeployApp made can't do what administrators do.
		{"made", "iam:CreateUser", "arn:aws:iam::123456789012:user/administrator", nil, false},
		{"made", "iam:DeleteRolePermissionsBoundary", taskRole, nil, false},
		{"made", "sts:AssumeRole", "arn:aws:iam::123456789012:role/cicd-test-deploy-app", nil, false},
		{"made", "s3:GetObject", state + "app/test/app/terraform.tfstate", nil, false},
		{"made", "ecs:UpdateService", "arn:aws:ecs:eu-west-1:123456789012:service/app-test/api", nil, false},
		{"made", "ecr:BatchGetImage", "arn:aws:ecr:eu-west-1:123456789012:repository/clockmirror", nil, true},
		{"made", "ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/clockmirror/token", nil, true},
		{"made", "ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/payroll/token", nil, false},
		{"made", "logs:PutLogEvents", "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/app-test-api:log-stream:x", nil, true},
	} {
		who, known := roles[row.role]
		require.True(t, known, "there is no role %s", row.role)

		may, err := who.May(iam.Request{Action: row.action, Resource: row.resource, Context: row.context})
		require.NoError(t, err)
		assert.Equal(t, row.want, may, "%s: %s on %s with %v", row.role, row.action, row.resource, row.context)
	}
}
