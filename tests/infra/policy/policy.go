// Package policy judges what Terraform made by the rules that hold for every stack: least privilege, nothing public,
// nothing open but the load balancer, logs that expire, and tags on everything.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// RequiredTags are on every resource that can carry tags.
func RequiredTags() []string { return []string{"ManagedBy", "Project", "Stack"} }

// WithoutResource are the actions that know no resource, each with the reason why "*" is right.
func WithoutResource() map[string]string {
	return map[string]string{
		"ecr:GetAuthorizationToken":                       "the token is for the whole registry",
		"acm:RequestCertificate":                          "the certificate is not there yet; it has to carry the environment's tags",
		"application-autoscaling:DescribeScalableTargets": "it lists",
		"application-autoscaling:DescribeScalingPolicies": "it lists",
		"ecs:CreateCluster":                               "ECS knows none; the cluster has to carry the environment's tags",
		"ecs:DescribeTaskDefinition":                      "ECS knows none",
		"ecs:RegisterTaskDefinition":                      "ECS knows none; iam:PassRole limits the roles of its tasks",
		"kms:CreateKey":                                   "the key is not there yet; it has to carry the environment's tags",
		"kms:ListAliases":                                 "it lists",
		"logs:CreateLogDelivery":                          "CloudWatch Logs knows none",
		"logs:DeleteLogDelivery":                          "CloudWatch Logs knows none",
		"logs:DescribeResourcePolicies":                   "it lists",
		"logs:PutResourcePolicy":                          "CloudWatch Logs knows none",
		"sns:GetSubscriptionAttributes":                   "SNS knows none",
		"sns:Unsubscribe":                                 "SNS knows none",
	}
}

// Finding is one broken rule.
type Finding struct {
	Address string // of the resource, as Terraform writes it
	Rule    string // what does not hold
}

// String is the finding as people read it.
func (f Finding) String() string { return f.Address + ": " + f.Rule }

// Check returns every finding in a state, or in the planned values of a plan, sorted by address.
func Check(module *tfjson.StateModule) []Finding {
	all := resources(module)

	var findings []Finding

	for _, resource := range all {
		rules := slices.Concat(
			checkPolicies(resource),
			checkWorldOpen(resource),
			checkRetention(resource),
			checkTags(resource),
			checkBucket(resource, all),
			checkTopic(resource),
		)

		for _, rule := range rules {
			findings = append(findings, Finding{Address: resource.Address, Rule: rule})
		}
	}

	sort.Slice(findings, func(i, j int) bool { return findings[i].String() < findings[j].String() })

	return findings
}

// resources are the managed resources of a module and of all below it.
func resources(module *tfjson.StateModule) []*tfjson.StateResource {
	if module == nil {
		return nil
	}

	var found []*tfjson.StateResource

	for _, resource := range module.Resources {
		if resource.Mode == tfjson.ManagedResourceMode {
			found = append(found, resource)
		}
	}

	for _, child := range module.ChildModules {
		found = append(found, resources(child)...)
	}

	return found
}

// ---------------------------------------------------------------------------------------------------------------------
// IAM
// ---------------------------------------------------------------------------------------------------------------------

// oneOrMany is how IAM writes lists: a single value needs no brackets.
type oneOrMany []string

// UnmarshalJSON reads a string or a list of strings.
func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*o = many

		return nil
	}

	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return fmt.Errorf("read a string or a list of strings: %w", err)
	}

	*o = oneOrMany{one}

	return nil
}

type statement struct {
	Sid         string                          `json:"Sid"`
	Effect      string                          `json:"Effect"`
	Action      oneOrMany                       `json:"Action"`
	NotAction   oneOrMany                       `json:"NotAction"`
	Resource    oneOrMany                       `json:"Resource"`
	NotResource oneOrMany                       `json:"NotResource"`
	Principal   any                             `json:"Principal"`
	Condition   map[string]map[string]oneOrMany `json:"Condition"`
}

// checkPolicies judges every policy document that a resource holds, whatever its attribute is called.
func checkPolicies(resource *tfjson.StateResource) []string {
	var rules []string

	for _, attribute := range sortedKeys(resource.AttributeValues) {
		text, isText := resource.AttributeValues[attribute].(string)
		if !isText || !strings.Contains(text, `"Statement"`) {
			continue
		}

		var document struct {
			Statement []statement `json:"Statement"`
		}

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

func checkAllow(resourceType string, allow statement) []string {
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

func checkPassRole(allow statement) []string {
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
func checkMakesRoles(allow statement) []string {
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
func checkWholeBucket(allow statement) []string {
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

// ---------------------------------------------------------------------------------------------------------------------
// Network, logs, tags
// ---------------------------------------------------------------------------------------------------------------------

// checkWorldOpen lets the world in on 80 and 443 alone. Rules of the older kind are refused, open or not: they and the
// newer ones undo each other. A rule inside a security group shows as a rule of its own here or not at all, so the group's
// are looked at too.
func checkWorldOpen(resource *tfjson.StateResource) []string {
	values := resource.AttributeValues

	switch resource.Type {
	case "aws_security_group_rule":
		return []string{"a rule is to be an aws_vpc_security_group_ingress_rule or _egress_rule"}
	case "aws_default_security_group":
		if length(values["ingress"])+length(values["egress"]) > 0 {
			return []string{"the default security group has rules"}
		}
	case "aws_vpc_security_group_ingress_rule":
		if values["cidr_ipv4"] != "0.0.0.0/0" && values["cidr_ipv6"] != "::/0" {
			return nil
		}

		from, to := fmt.Sprint(values["from_port"]), fmt.Sprint(values["to_port"])
		if from != to || (from != "80" && from != "443") {
			return []string{fmt.Sprintf("ports %s to %s are open to the world", from, to)}
		}
	}

	return nil
}

func checkRetention(resource *tfjson.StateResource) []string {
	days := fmt.Sprint(resource.AttributeValues["retention_in_days"])
	if resource.Type == "aws_cloudwatch_log_group" && (days == "0" || days == "<nil>") {
		return []string{"logs are kept for ever"}
	}

	return nil
}

// checkTags looks at whatever can be tagged, which is what has the attribute.
func checkTags(resource *tfjson.StateResource) []string {
	value, canBeTagged := resource.AttributeValues["tags_all"]
	if !canBeTagged {
		return nil
	}

	tags, _ := value.(map[string]any)

	var rules []string

	for _, tag := range RequiredTags() {
		if tags[tag] == nil || tags[tag] == "" {
			rules = append(rules, "the tag "+tag+" is missing")
		}
	}

	return rules
}

// ---------------------------------------------------------------------------------------------------------------------
// What stores
// ---------------------------------------------------------------------------------------------------------------------

// checkBucket asks of every bucket that it can't be public, is encrypted, and refuses plain HTTP.
func checkBucket(resource *tfjson.StateResource, all []*tfjson.StateResource) []string {
	if resource.Type != "aws_s3_bucket" {
		return nil
	}

	beside := func(resourceType string) map[string]any {
		for _, other := range all {
			if other.Type == resourceType && other.AttributeValues["bucket"] == resource.AttributeValues["bucket"] {
				return other.AttributeValues
			}
		}

		return nil
	}

	var rules []string

	block := beside("aws_s3_bucket_public_access_block")
	for _, switched := range []string{
		"block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets",
	} {
		if block[switched] != true {
			rules = append(rules, "the bucket can be made public: "+switched+" is not set")
		}
	}

	if beside("aws_s3_bucket_server_side_encryption_configuration") == nil {
		rules = append(rules, "the bucket's encryption is not stated")
	}

	text, _ := beside("aws_s3_bucket_policy")["policy"].(string)
	if !refusesPlainHTTP(text) {
		rules = append(rules, "the bucket can be read without TLS")
	}

	return rules
}

func refusesPlainHTTP(policy string) bool {
	var document struct {
		Statement []statement `json:"Statement"`
	}

	if json.Unmarshal([]byte(policy), &document) != nil {
		return false
	}

	return slices.ContainsFunc(document.Statement, func(each statement) bool {
		return each.Effect == "Deny" && anybody(each.Principal) &&
			slices.Contains(each.Action, "s3:*") && slices.Contains(each.Condition["Bool"]["aws:SecureTransport"], "false")
	})
}

func checkTopic(resource *tfjson.StateResource) []string {
	key, _ := resource.AttributeValues["kms_master_key_id"].(string)
	if resource.Type == "aws_sns_topic" && key == "" {
		return []string{"the topic is not encrypted"}
	}

	return nil
}

func length(value any) int {
	list, _ := value.([]any)

	return len(list)
}

func sortedKeys(values map[string]any) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}

	sort.Strings(keys)

	return keys
}
