package infra_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	allZones    = `availability_zones=["eu-west-1c","eu-west-1b","eu-west-1a"]`
	zoneDropped = "Keep every zone that this environment runs in: availability_zones of a live environment can grow, but not lose a zone."
)

// liveChange is one changed variable of a live environment: what the plan may remove, or the sentence that refuses it.
type liveChange struct {
	variables []string
	removes   []string
	refused   string
}

// liveChanges returns a change for each variable of the app stack, by the variable's name.
func liveChanges(zone string) map[string]liveChange {
	nat := []string{"aws_eip.nat[0]", "aws_nat_gateway.this[0]", "aws_route.private_nat[0]"}

	return map[string]liveChange{
		"alarm_email":          {variables: []string{"alarm_email=ops@example.com"}},
		"alarm_thresholds":     {variables: []string{"alarm_thresholds={p99_seconds=2}"}},
		"allowed_cidrs":        {variables: []string{`allowed_cidrs=["192.0.2.0/24"]`}, removes: []string{`aws_vpc_security_group_ingress_rule.alb_http["0.0.0.0/0"]`}},
		"availability_zones":   {variables: []string{allZones}},
		"container_insights":   {variables: []string{"container_insights=disabled"}},
		"cpu":                  {variables: []string{"cpu=256", "memory=1024"}},
		"customers":            {variables: []string{`customers={a={name="A",host="customer-a.example.com"}}`}},
		"domain_name":          {variables: []string{"domain_name=clock.example.com", "hosted_zone_id=" + zone}},
		"egress":               {variables: []string{"egress=endpoints"}, removes: append(slices.Clone(nat), "aws_vpc_security_group_egress_rule.tasks_https[0]")},
		"egress to public_ip":  {variables: []string{"egress=public_ip"}, removes: nat},
		"environment":          {variables: []string{`environment={LOG_LEVEL="debug"}`}},
		"fargate_spot_percent": {variables: []string{"fargate_spot_percent=100"}},
		"image":                {variables: []string{"image=" + image("b")}},
		"log_retention_days":   {variables: []string{"log_retention_days=90"}},
		"memory":               {variables: []string{"memory=1024"}},
		"one_box_percent":      {variables: []string{"one_box_percent=10"}},
		"permissions_boundary": {variables: []string{"permissions_boundary=another"}},
		"protect":              {variables: []string{"protect=true"}},
		"scaling":              {variables: []string{"scaling={min_tasks=3}"}},
		"secrets":              {variables: []string{`secrets={TOKEN="arn:aws:ssm:eu-west-1:123456789012:parameter/clockmirror/token"}`}},
		"secrets_kms_key_arns": {variables: []string{`secrets_kms_key_arns=["arn:aws:kms:eu-west-1:123456789012:key/1"]`}},
		"ssl_policy":           {variables: []string{"ssl_policy=ELBSecurityPolicy-TLS13-1-3-2021-06", "domain_name=clock.example.com", "hosted_zone_id=" + zone}},
		"tf_state_bucket":      {variables: []string{"tf_state_bucket=another-bucket"}},
		"waf":                  {variables: []string{"waf={enabled=true}"}},

		"cpu_architecture": {
			variables: []string{"cpu_architecture=ARM64"},
			refused:   "Keep cpu_architecture at X86_64, or make a new environment: the image that runs is built for it.",
		},
		"region": {
			variables: []string{"region=eu-central-1"},
			refused:   "Keep region at eu-west-1, or make a new environment: what runs can't move to another region.",
		},
		"vpc_cidr": {
			variables: []string{"vpc_cidr=10.1.0.0/16"},
			refused:   "Keep vpc_cidr at 10.0.0.0/16, or make a new environment: the range of a live network can't change.",
		},
		"availability_zones without one in use": {
			variables: []string{`availability_zones=["eu-west-1b","eu-west-1c"]`},
			refused:   zoneDropped,
		},
		"availability_zones with an unknown one": {
			variables: []string{`availability_zones=["eu-west-1a","eu-west-1b","eu-west-1z"]`},
			refused:   "Give availability_zones zones of eu-west-1 that have Fargate: eu-west-1a, eu-west-1b, eu-west-1c.",
		},
	}
}

// One environment in a fresh account, and what happens to it when one variable changes.
func TestLiveChanges(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	zone := hostedZone(t, cloud)

	app := newStack(t, "app", cloud.Environment(os.Environ()), "env=test", "tf_state_bucket="+stateBucket, "image="+image("a"))
	app.keepStateInFile(t)
	app.init(t)
	app.createKey(t)

	// ECS has left this behind when the environment was destroyed the last time.
	app.must(t, "aws", "logs", "create-log-group", "--log-group-name", "/aws/ecs/containerinsights/app-test/performance")

	app.apply(t)
	app.requireSettled(t)

	roles := app.must(t, "aws", "iam", "list-roles", "--path-prefix", "/aws-service-role/", "--query", "Roles[].RoleName", "--output", "text")
	assert.ElementsMatch(t, []string{
		"AWSServiceRoleForApplicationAutoScaling_ECSService", "AWSServiceRoleForECS", "AWSServiceRoleForElasticLoadBalancing",
	}, strings.Fields(roles), "a fresh account's service-linked roles are made on first use")

	changes := liveChanges(zone)

	for _, variable := range variablesOf(t, app) {
		if !slices.Contains([]string{"env", "hosted_zone_id"}, variable) { // refused by its workspace; given with domain_name
			assert.Contains(t, changes, variable, "a variable whose change is not tested")
		}
	}

	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			if change.refused != "" {
				assert.Contains(t, app.complaints(t, change.variables...), change.refused)

				return
			}

			assert.ElementsMatch(t, change.removes, removed(t, app, change.variables))
		})
	}

	t.Run("in the right order", func(t *testing.T) { testOrder(t, app, zone) })
}

// testOrder applies changes one after the other: what replaces is there before what it replaces goes.
func testOrder(t *testing.T, app *stack, zone string) {
	t.Helper()

	const (
		rule       = "module.api.aws_lb_listener_rule.this"
		httpsRule  = "module.api.aws_lb_listener_rule.https[0]"
		alias      = "aws_route53_record.alias[0]"
		nat        = "aws_nat_gateway.this[0]"
		natRoute   = "aws_route.private_nat[0]"
		logs       = `aws_vpc_endpoint.interface["logs"]`
		toTheWorld = "aws_vpc_security_group_egress_rule.tasks_https[0]"
		share      = `aws_lb_listener_rule.one_box["api-onebox"]`
		oneBox     = `module.one_box["api-onebox"].aws_ecs_service.this`
		callers    = `aws_vpc_security_group_ingress_rule.alb_http["%"]`
	)

	for _, step := range []struct {
		name      string
		variables []string
		order     [][2]string
	}{
		{
			"a domain, and endpoints for a NAT gateway",
			[]string{"domain_name=clock.example.com", "hosted_zone_id=" + zone, "egress=endpoints"},
			[][2]string{
				{httpsRule, rule},
				{alias, rule},
				{`aws_vpc_security_group_ingress_rule.alb_https["0.0.0.0/0"]`, rule},
				{logs, nat},
				{logs, toTheWorld},
				{"aws_vpc_security_group_egress_rule.tasks_endpoints[0]", natRoute},
				{"aws_vpc_security_group_egress_rule.tasks_s3[0]", natRoute},
			},
		},
		{
			"no domain, and public addresses for endpoints",
			[]string{"egress=public_ip"},
			[][2]string{{rule, httpsRule}, {rule, alias}, {toTheWorld, service}, {service, logs}},
		},
		{
			"one box, and public addresses as before",
			[]string{"one_box_percent=10", "egress=public_ip"},
			[][2]string{{oneBox, share}},
		},
		{
			"no one box, a NAT gateway for public addresses, and fewer callers",
			[]string{`allowed_cidrs=["192.0.2.0/24"]`},
			[][2]string{
				{share, oneBox},
				{natRoute, service},
				{strings.Replace(callers, "%", "192.0.2.0/24", 1), strings.Replace(callers, "%", "0.0.0.0/0", 1)},
			},
		},
		{
			"a zone more",
			[]string{allZones},
			[][2]string{{`aws_subnet.public["eu-west-1c"]`, "aws_lb.this"}, {`aws_subnet.private["eu-west-1c"]`, service}},
		},
	} {
		events := app.applied(t, step.variables)

		for _, pair := range step.order {
			before, after := slices.Index(events, "apply_complete "+pair[0]), slices.Index(events, "apply_start "+pair[1])
			require.NotEqual(t, -1, before, "%s: %s is not changed", step.name, pair[0])
			require.NotEqual(t, -1, after, "%s: %s is not changed", step.name, pair[1])
			assert.Less(t, before, after, "%s: %s is changed before %s is there", step.name, pair[1], pair[0])
		}

		app.requireSettled(t, step.variables...)
	}

	assert.Contains(t, app.complaints(t), zoneDropped, "the zone that was added can go again")
}

// applied applies, and returns what Terraform did: apply_start and apply_complete with addresses, in their order.
func (s *stack) applied(t *testing.T, variables []string) []string {
	t.Helper()

	var output bytes.Buffer

	require.NoError(t, s.ApplyJSON(t.Context(), &output, with[tfexec.ApplyOption](s, variables)...), "%s", &output)

	var events []string
	for _, line := range readLines(t, &output) {
		events = append(events, line.Type+" "+line.Hook.Resource.Address)
	}

	return events
}

// removed is what a plan takes away, but for revisions of the task definition, which are kept to roll back to.
func removed(t *testing.T, app *stack, variables []string) []string {
	t.Helper()

	var output bytes.Buffer

	// What there is has been read by the plan before.
	changed, err := app.PlanJSON(t.Context(), &output, append(with[tfexec.PlanOption](app, variables), tfexec.Refresh(false))...)
	require.NoError(t, err, "%s", &output)
	require.True(t, changed, "nothing changes")

	var addresses []string

	for _, line := range readLines(t, &output) {
		address, action := line.Change.Resource.Address, line.Change.Action
		if line.Type == "planned_change" && (action == "delete" || action == "replace") && address != taskDefinition {
			addresses = append(addresses, address)
		}
	}

	return addresses
}

// variablesOf are the names of a stack's variables.
func variablesOf(t *testing.T, app *stack) []string {
	t.Helper()

	files, err := filepath.Glob(filepath.Join(app.folder, "variables*.tf"))
	require.NoError(t, err)

	var names []string

	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)

		for _, match := range regexp.MustCompile(`(?m)^variable "(\w+)"`).FindAllStringSubmatch(string(content), -1) {
			names = append(names, match[1])
		}
	}

	require.NotEmpty(t, names)

	return names
}
