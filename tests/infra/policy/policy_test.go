package policy_test

import (
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/tests/infra/policy"
)

// Each rule is broken once here; the stacks, which break none, are checked where they are applied.
func TestCheck(t *testing.T) {
	t.Parallel()

	allow := func(rest string) string { return `{"Statement":[{"Sid":"S","Effect":"Allow",` + rest + `}]}` }

	for name, test := range map[string]struct {
		resourceType string
		values       map[string]any
		want         []string
	}{
		"a named action on a named resource": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::a/b/*"`)},
			nil,
		},
		"an action without resource-level permission": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":"ecr:GetAuthorizationToken","Resource":"*"`)},
			nil,
		},
		"every action of a service": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":["ecs:*"],"Resource":["arn:aws:ecs:eu-west-1:1:cluster/a"]`)},
			[]string{`policy, statement "S": the action ecs:* is a wildcard`},
		},
		"every action that begins alike": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":"ecs:Describe*","Resource":"arn:aws:ecs:eu-west-1:1:cluster/a"`)},
			[]string{`policy, statement "S": the action ecs:Describe* is a wildcard`},
		},
		"every resource without a reason": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":["ecr:GetAuthorizationToken","ecr:PutImage"],"Resource":"*"`)},
			[]string{`policy, statement "S": the action ecr:PutImage is allowed on every resource`},
		},
		"all but": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"NotAction":"iam:PassRole","Resource":"arn:aws:s3:::a"`)},
			[]string{`policy, statement "S": it allows all but what it names`},
		},
		"roles with the boundary": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":["iam:CreateRole","iam:PutRolePolicy"],"Resource":"arn:aws:iam::1:role/app-a",` +
				`"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::1:policy/boundary"}}`)},
			nil,
		},
		"roles without the boundary": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":"iam:AttachRolePolicy","Resource":"arn:aws:iam::1:role/app-a"`)},
			[]string{`policy, statement "S": iam:AttachRolePolicy is allowed without the permissions boundary`},
		},
		"roles of any name": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":"iam:CreateRole","Resource":"arn:aws:iam::1:role/*",` +
				`"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::1:policy/boundary"}}`)},
			[]string{`policy, statement "S": iam:CreateRole is not for roles of one name: arn:aws:iam::1:role/*`},
		},
		"the boundary taken off": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":"iam:DeleteRolePermissionsBoundary","Resource":"arn:aws:iam::1:role/app-a"`)},
			[]string{`policy, statement "S": iam:DeleteRolePermissionsBoundary takes the boundary off`},
		},
		"service-linked roles of any service": {
			"aws_iam_policy",
			map[string]any{"policy": allow(`"Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::1:role/aws-service-role/*"`)},
			[]string{`policy, statement "S": iam:CreateServiceLinkedRole does not say for which services (iam:AWSServiceName)`},
		},
		"all of a bucket": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::state/*"`)},
			[]string{`policy, statement "S": all of a bucket is allowed: arn:aws:s3:::state/*`},
		},
		"a key's own policy": {
			"aws_kms_key",
			map[string]any{"policy": allow(`"Action":"kms:Decrypt","Resource":"*","Principal":{"Service":"logs.amazonaws.com"}`)},
			nil,
		},
		"a role that anybody assumes": {
			"aws_iam_role",
			map[string]any{"assume_role_policy": allow(`"Action":"sts:AssumeRole","Principal":{"AWS":"*"}`)},
			[]string{`assume_role_policy, statement "S": anybody in the world is allowed`},
		},
		"any role passed to anything": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/*"`)},
			[]string{
				`policy, statement "S": iam:PassRole does not say to which service (iam:PassedToService)`,
				`policy, statement "S": iam:PassRole is not for named roles: arn:aws:iam::1:role/*`,
			},
		},
		"a named role passed to a service": {
			"aws_iam_role_policy",
			map[string]any{"policy": allow(`"Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/a",` +
				`"Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}`)},
			nil,
		},
		"a policy that is none": {
			"aws_iam_role_policy",
			map[string]any{"policy": `{"Statement": nothing}`},
			[]string{"policy can't be read as a policy: invalid character 'o' in literal null (expecting 'u')"},
		},
		"SSH from everywhere": {
			"aws_vpc_security_group_ingress_rule",
			map[string]any{"cidr_ipv4": "0.0.0.0/0", "from_port": 22.0, "to_port": 22.0},
			[]string{"ports 22 to 22 are open to the world"},
		},
		"more than a port from everywhere": {
			"aws_vpc_security_group_ingress_rule",
			map[string]any{"cidr_ipv6": "::/0", "from_port": 80.0, "to_port": 443.0},
			[]string{"ports 80 to 443 are open to the world"},
		},
		"HTTPS from everywhere": {
			"aws_vpc_security_group_ingress_rule",
			map[string]any{"cidr_ipv4": "0.0.0.0/0", "from_port": 443.0, "to_port": 443.0},
			nil,
		},
		"a rule of the old kind": {
			"aws_security_group_rule",
			map[string]any{},
			[]string{"a rule is to be an aws_vpc_security_group_ingress_rule or _egress_rule"},
		},
		"a default security group with rules": {
			"aws_default_security_group",
			map[string]any{"ingress": []any{map[string]any{}}},
			[]string{"the default security group has rules"},
		},
		"logs for ever": {
			"aws_cloudwatch_log_group",
			map[string]any{"retention_in_days": 0.0},
			[]string{"logs are kept for ever"},
		},
		"a forgotten tag": {
			"aws_vpc",
			map[string]any{"tags_all": map[string]any{"Project": "clockmirror", "Stack": "app"}},
			[]string{"the tag ManagedBy is missing"},
		},
		"a topic in the clear": {
			"aws_sns_topic",
			map[string]any{"kms_master_key_id": ""},
			[]string{"the topic is not encrypted"},
		},
		"a bucket alone": {
			"aws_s3_bucket",
			map[string]any{"bucket": "a"},
			[]string{
				"the bucket can be made public: block_public_acls is not set",
				"the bucket can be made public: block_public_policy is not set",
				"the bucket can be made public: ignore_public_acls is not set",
				"the bucket can be made public: restrict_public_buckets is not set",
				"the bucket can be read without TLS",
				"the bucket's encryption is not stated",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			findings := policy.Check(&tfjson.StateModule{ChildModules: []*tfjson.StateModule{{
				Resources: []*tfjson.StateResource{{
					Address:         "it",
					Mode:            tfjson.ManagedResourceMode,
					Type:            test.resourceType,
					AttributeValues: test.values,
				}},
			}}})

			rules := make([]string, 0, len(findings))
			for _, finding := range findings {
				rules = append(rules, finding.Rule)
			}

			assert.ElementsMatch(t, test.want, rules)
		})
	}
}
