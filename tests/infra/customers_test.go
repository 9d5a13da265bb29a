package infra_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Three customers are three services and three rules on top of what is there, of which nothing changes. The plan is that of
// Terraform's own test, which can't see it itself.
func TestCustomersAreAdded(t *testing.T) {
	t.Parallel()

	app := newStack(t, "app", machine())
	app.init(t, tfexec.Backend(false))

	output, complaint, err := app.run(t, app.ExecPath(), "test", "-json", "-verbose", "-filter=tests/customers_added.tftest.hcl")
	require.NoError(t, err, output+complaint)

	added := map[string]map[string]any{}
	kept := map[string]bool{}

	for _, change := range plannedBy(t, output, "three_customers") {
		switch {
		case change.Mode != tfjson.ManagedResourceMode: // read, not made
		case strings.HasPrefix(change.ModuleAddress, "module.customer["):
			assert.True(t, change.Change.Actions.Create(), change.Address)
			added[change.Address], _ = change.Change.After.(map[string]any)
		default:
			assert.True(t, change.Change.Actions.NoOp(), "%s is changed: %v", change.Address, change.Change.Actions)
			kept[change.Address] = true
		}
	}

	services, rules := 0, 0

	for address := range added {
		assert.True(t, kept[strings.Replace(address, address[:strings.Index(address, "]")+1], "module.api", 1)], "%s has no like in the service for everybody", address)

		switch {
		case strings.HasSuffix(address, ".aws_ecs_service.this"):
			services++
		case strings.HasSuffix(address, ".aws_lb_listener_rule.this"):
			rules++
		}
	}

	assert.Equal(t, 3, services)
	assert.Equal(t, 3, rules)

	for _, row := range []struct {
		key, name       string
		floor, ceiling  float64
		requestsPerTask float64
	}{
		{"a", "A", 2, 6, 6000},
		{"b", "B", 3, 6, 1200},
		{"c", "C", 2, 6, 6000},
	} {
		module := `module.customer["` + row.key + `"].`
		full := "app-test-customer-" + row.key

		assert.Equal(t, "customer-"+row.key, added[module+"aws_ecs_service.this"]["name"])
		assert.Equal(t, full, added[module+"aws_lb_target_group.this"]["name"])
		assert.Equal(t, full+"-task", added[module+"aws_iam_role.task"]["name"])
		assert.Equal(t, full+"-execution", added[module+"aws_iam_role.execution"]["name"])

		scaling := added[module+"aws_appautoscaling_target.this"]
		assert.Equal(t, row.floor, scaling["min_capacity"], row.key)   //nolint:testifylint // whole numbers, as JSON has them
		assert.Equal(t, row.ceiling, scaling["max_capacity"], row.key) //nolint:testifylint // as above

		policy, err := json.Marshal(added[module+`aws_appautoscaling_policy.this["requests"]`])
		require.NoError(t, err)

		var requests struct {
			Configuration []struct {
				Target float64 `json:"target_value"`
			} `json:"target_tracking_scaling_policy_configuration"`
		}

		require.NoError(t, json.Unmarshal(policy, &requests))
		require.Len(t, requests.Configuration, 1)
		assert.InDelta(t, row.requestsPerTask, requests.Configuration[0].Target, 0, row.key)

		definitions, _ := added[module+"aws_ecs_task_definition.this"]["container_definitions"].(string)

		var containers []struct {
			Image       string
			Environment []struct{ Name, Value string }
		}

		require.NoError(t, json.Unmarshal([]byte(definitions), &containers))
		require.Len(t, containers, 1)
		assert.True(t, strings.HasSuffix(containers[0].Image, "/clockmirror@sha256:"+strings.Repeat("a", 64)), containers[0].Image)
		assert.Contains(t, containers[0].Environment, struct{ Name, Value string }{"CUSTOMER_NAME", row.name})
	}
}

// plannedBy returns the changes that a run of `terraform test -json -verbose` planned.
func plannedBy(t *testing.T, output, run string) []*tfjson.ResourceChange {
	t.Helper()

	for line := range strings.Lines(output) {
		var message struct {
			Type string `json:"type"`
			Run  string `json:"@testrun"`
			Plan struct {
				Changes []*tfjson.ResourceChange `json:"resource_changes"`
			} `json:"test_plan"`
		}

		require.NoError(t, json.Unmarshal([]byte(line), &message), line)

		if message.Type == "test_plan" && message.Run == run {
			require.NotEmpty(t, message.Plan.Changes)

			return message.Plan.Changes
		}
	}

	require.Fail(t, "no plan", "the run %s printed none", run)

	return nil
}
