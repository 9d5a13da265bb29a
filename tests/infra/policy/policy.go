// Package policy judges what Terraform made by the rules that hold for every stack: least privilege, nothing public,
// nothing open but the load balancer, logs that expire, and tags on everything.
package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

// RequiredTags are on every resource that can carry tags.
func RequiredTags() []string { return []string{"ManagedBy", "Project", "Stack"} }

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

// Resources are the managed resources of a state; none of an empty one.
func Resources(values *tfjson.StateValues) []*tfjson.StateResource {
	if values == nil {
		return nil
	}

	return resources(values.RootModule)
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
	var document iam.Document

	if json.Unmarshal([]byte(policy), &document) != nil {
		return false
	}

	return slices.ContainsFunc(document.Statement, func(each iam.Statement) bool {
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
