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

	for name, test := range map[string]struct {
		resourceType, statement string
		want                    []string
	}{
		"a named action on a named resource":          {"aws_iam_role_policy", `"Action":"s3:GetObject","Resource":"arn:aws:s3:::a/b/*"`, nil},
		"an action without resource-level permission": {"aws_iam_role_policy", `"Action":"ecr:GetAuthorizationToken","Resource":"*"`, nil},
		"every action of a service":                   {"aws_iam_policy", `"Action":["ecs:*"],"Resource":["arn:aws:ecs:eu-west-1:1:cluster/a"]`, []string{`the action ecs:* is a wildcard`}},
		"every action that begins alike": {
			"aws_iam_policy", `"Action":"ecs:Describe*","Resource":"arn:aws:ecs:eu-west-1:1:cluster/a"`,
			[]string{`the action ecs:Describe* is a wildcard`},
		},
		"every resource without a reason": {
			"aws_iam_role_policy", `"Action":["ecr:GetAuthorizationToken","ecr:PutImage"],"Resource":"*"`,
			[]string{`the action ecr:PutImage is allowed on every resource`},
		},
		"all but": {"aws_iam_role_policy", `"NotAction":"iam:PassRole","Resource":"arn:aws:s3:::a"`, []string{`it allows all but what it names`}},
		"roles with the boundary": {
			"aws_iam_policy", `"Action":["iam:CreateRole","iam:PutRolePolicy"],"Resource":"arn:aws:iam::1:role/app-a",` +
				`"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::1:policy/boundary"}}`,
			nil,
		},
		"roles without the boundary": {
			"aws_iam_policy", `"Action":"iam:AttachRolePolicy","Resource":"arn:aws:iam::1:role/app-a"`,
			[]string{`iam:AttachRolePolicy is allowed without the permissions boundary`},
		},
		"roles of any name": {
			"aws_iam_policy", `"Action":"iam:CreateRole","Resource":"arn:aws:iam::1:role/*",` +
				`"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::1:policy/boundary"}}`,
			[]string{`iam:CreateRole is not for roles of one name: arn:aws:iam::1:role/*`},
		},
		"the boundary taken off": {
			"aws_iam_policy", `"Action":"iam:DeleteRolePermissionsBoundary","Resource":"arn:aws:iam::1:role/app-a"`,
			[]string{`iam:DeleteRolePermissionsBoundary takes the boundary off`},
		},
		"service-linked roles of any service": {
			"aws_iam_policy", `"Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::1:role/aws-service-role/*"`,
			[]string{`iam:CreateServiceLinkedRole does not say for which services (iam:AWSServiceName)`},
		},
		"all of a bucket":    {"aws_iam_role_policy", `"Action":"s3:GetObject","Resource":"arn:aws:s3:::state/*"`, []string{`all of a bucket is allowed: arn:aws:s3:::state/*`}},
		"a key's own policy": {"aws_kms_key", `"Action":"kms:Decrypt","Resource":"*","Principal":{"Service":"logs.amazonaws.com"}`, nil},
		"any role passed to anything": {
			"aws_iam_role_policy", `"Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/*"`,
			[]string{
				`iam:PassRole does not say to which service (iam:PassedToService)`,
				`iam:PassRole is not for named roles: arn:aws:iam::1:role/*`,
			},
		},
		"a named role passed to a service": {
			"aws_iam_role_policy", `"Action":"iam:PassRole","Resource":"arn:aws:iam::1:role/a",` +
				`"Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}`,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var want []string
			for _, rule := range test.want {
				want = append(want, `policy, statement "S": `+rule)
			}

			values := map[string]any{"policy": `{"Statement":[{"Sid":"S","Effect":"Allow",` + test.statement + `}]}`}
			assert.ElementsMatch(t, want, rules(test.resourceType, values))
		})
	}

	for name, test := range map[string]struct {
		resourceType string
		values       map[string]any
		want         []string
	}{
		"a role that anybody assumes": {
			"aws_iam_role",
			map[string]any{"assume_role_policy": `{"Statement":[{"Sid":"S","Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}`},
			[]string{`assume_role_policy, statement "S": anybody in the world is allowed`},
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
		"HTTPS from everywhere":               {"aws_vpc_security_group_ingress_rule", map[string]any{"cidr_ipv4": "0.0.0.0/0", "from_port": 443.0, "to_port": 443.0}, nil},
		"a rule of the old kind":              {"aws_security_group_rule", map[string]any{}, []string{"a rule is to be an aws_vpc_security_group_ingress_rule or _egress_rule"}},
		"a default security group with rules": {"aws_default_security_group", map[string]any{"ingress": []any{map[string]any{}}}, []string{"the default security group has rules"}},
		"logs for ever":                       {"aws_cloudwatch_log_group", map[string]any{"retention_in_days": 0.0}, []string{"logs are kept for ever"}},
		"a forgotten tag":                     {"aws_vpc", map[string]any{"tags_all": map[string]any{"Project": "clockmirror", "Stack": "app"}}, []string{"the tag ManagedBy is missing"}},
		"a topic in the clear":                {"aws_sns_topic", map[string]any{"kms_master_key_id": ""}, []string{"the topic is not encrypted"}},
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
			assert.ElementsMatch(t, test.want, rules(test.resourceType, test.values))
		})
	}
}

// rules are what a resource breaks.
func rules(resourceType string, values map[string]any) []string {
	var broken []string

	for _, finding := range policy.Check(&tfjson.StateModule{ChildModules: []*tfjson.StateModule{{
		Resources: []*tfjson.StateResource{{Address: "it", Mode: tfjson.ManagedResourceMode, Type: resourceType, AttributeValues: values}},
	}}}) {
		broken = append(broken, finding.Rule)
	}

	return broken
}
