package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// WithoutResource are the actions that know no resource, each with the reason why "*" is right.
func WithoutResource() map[string]string {
	return map[string]string{
		"ecr:GetAuthorizationToken":                       "the token is for the whole registry",
		"application-autoscaling:DescribeScalableTargets": "it lists",
		"cloudwatch:GetMetricData":                        "CloudWatch knows none",
		"cloudwatch:PutMetricData":                        "CloudWatch knows none; it has to name the namespace",
		"application-autoscaling:DescribeScalingPolicies": "it lists",
		"ecs:CreateCluster":                               "ECS knows none; the cluster has to carry the environment's tags",
		"ecs:DescribeTaskDefinition":                      "ECS knows none",
		"ecs:ListServices":                                "it lists; it has to name the cluster",
		"ecs:RegisterTaskDefinition":                      "ECS knows none; iam:PassRole limits the roles of its tasks",
		"kms:ListAliases":                                 "it lists",
		"logs:CreateLogDelivery":                          "CloudWatch Logs knows none",
		"logs:DeleteLogDelivery":                          "CloudWatch Logs knows none",
		"logs:DescribeLogGroups":                          "it lists",
		"elasticloadbalancing:SetWebAcl":                  "Elastic Load Balancing knows none",
		"logs:DescribeResourcePolicies":                   "it lists",
		"logs:PutResourcePolicy":                          "CloudWatch Logs knows none",
		"sns:GetSubscriptionAttributes":                   "SNS knows none",
		"sns:Unsubscribe":                                 "SNS knows none",
	}
}

// checkPolicies checks every policy document that a resource holds, whatever its attribute is called.
func checkPolicies(resource *tfjson.StateResource) []string {
	var rules []string

	for _, attribute := range slices.Sorted(maps.Keys(resource.AttributeValues)) {
		text, isText := resource.AttributeValues[attribute].(string)
		if !isText || !strings.Contains(text, `"Statement"`) {
			continue
		}

		var document iam.Document

		if err := json.Unmarshal([]byte(text), &document); err != nil {
			rules = append(rules, fmt.Sprintf("%s can't be read as a policy: %v", attribute, err))

			continue
		}

		for _, each := range document.Statement {
			if each.Effect != "Allow" {
				continue
			}

			for _, rule := range checkAllow(resource.Type, each) {
				rules = append(rules, fmt.Sprintf("%s, statement %q: %s", attribute, each.Sid, rule))
			}
		}
	}

	return rules
}

func checkAllow(resourceType string, allow iam.Statement) []string {
	var rules []string

	if len(allow.NotAction) > 0 || len(allow.NotResource) > 0 {
		rules = append(rules, "it allows all but what it names")
	}

	for _, action := range allow.Action {
		if strings.Contains(action, "*") {
			rules = append(rules, fmt.Sprintf("the action %s is a wildcard", action))
		}
	}

	// In a key's own policy, "*" is the key.
	if slices.Contains(allow.Resource, "*") && resourceType != "aws_kms_key" {
		for _, action := range allow.Action {
			if WithoutResource()[action] == "" && !looks(action) {
				rules = append(rules, fmt.Sprintf("the action %s is allowed on every resource", action))
			}
		}
	}

	if slices.Contains(allow.Action, "iam:PassRole") {
		rules = append(rules, checkPassRole(allow)...)
	}

	rules = append(rules, checkMakesRoles(allow)...)

	if resourceType == "aws_iam_role_policy" || resourceType == "aws_iam_policy" {
		rules = append(rules, checkWholeBucket(allow)...)
	}

	// An endpoint's policy is about who is inside the network, and narrows what they may do.
	if anybody(allow.Principal) && resourceType != "aws_vpc_endpoint" {
		rules = append(rules, "anybody in the world is allowed")
	}

	return rules
}

func checkPassRole(allow iam.Statement) []string {
	var rules []string

	for _, resource := range allow.Resource {
		if !strings.Contains(resource, ":role/") || strings.HasSuffix(resource, ":role/*") {
			rules = append(rules, "iam:PassRole is not for named roles: "+resource)
		}
	}

	for _, condition := range allow.Condition {
		if len(condition["iam:PassedToService"]) > 0 {
			return rules
		}
	}

	return append(rules, "iam:PassRole does not say to which service (iam:PassedToService)")
}

// looks reports whether an action is one of the Describe calls of EC2 and Elastic Load Balancing, none of which knows a
// resource.
func looks(action string) bool {
	return strings.HasPrefix(action, "ec2:Describe") || strings.HasPrefix(action, "elasticloadbalancing:Describe")
}

// checkMakesRoles: whoever may make or widen roles may do so under a name, and only with the permissions boundary.
func checkMakesRoles(allow iam.Statement) []string {
	var rules []string

	for _, action := range allow.Action {
		switch {
		case action == "iam:CreateServiceLinkedRole":
			if len(allow.Condition["StringEquals"]["iam:AWSServiceName"]) == 0 {
				rules = append(rules, action+" does not say for which services (iam:AWSServiceName)")
			}
		case strings.HasSuffix(action, "RolePermissionsBoundary"):
			rules = append(rules, action+" takes the boundary off")
		case strings.HasPrefix(action, "iam:Create"), strings.HasPrefix(action, "iam:Put"), strings.HasPrefix(action, "iam:Attach"):
			if len(allow.Condition["StringEquals"]["iam:PermissionsBoundary"]) != 1 {
				rules = append(rules, action+" is allowed without the permissions boundary")
			}

			for _, resource := range allow.Resource {
				if _, name, _ := strings.Cut(resource, ":role/"); name == "" || strings.HasPrefix(name, "*") {
					rules = append(rules, action+" is not for roles of one name: "+resource)
				}
			}
		}
	}

	return rules
}

// checkWholeBucket: what lies in a bucket is given by the beginning of its key.
func checkWholeBucket(allow iam.Statement) []string {
	var rules []string

	for _, resource := range allow.Resource {
		_, path, inBucket := strings.Cut(resource, ":s3:::")
		if _, key, isObject := strings.Cut(path, "/"); inBucket && isObject && strings.HasPrefix(key, "*") {
			rules = append(rules, "all of a bucket is allowed: "+resource)
		}
	}

	return rules
}

// anybody reports whether a principal is everyone: "*", or a map with it.
func anybody(principal any) bool {
	switch value := principal.(type) {
	case json.RawMessage:
		var read any

		return json.Unmarshal(value, &read) == nil && anybody(read)
	case string:
		return value == "*"
	case []any:
		return slices.ContainsFunc(value, anybody)
	case map[string]any:
		for _, each := range value {
			if anybody(each) {
				return true
			}
		}
	}

	return false
}
