package infra_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/cloudwatch"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// The alarms as planned, over made-up minutes: what must fire does, what must not does not, and what takes a release back does.
func TestAlarms(t *testing.T) {
	t.Parallel()

	settings := required("app")
	settings = append(settings, `customers={acme={name="Acme",host="acme.example.com"}}`)

	app := newStack(t, "app", testkit.Emulator(t, "infra").Environment(os.Environ()), settings...)
	app.keepStateInFile(t)
	app.init(t)
	app.createKey(t)
	_, plan := app.plan(t)

	outside := newStack(t, "outside", app.environment, required("outside")...)
	outside.keepStateInFile(t)
	outside.init(t)
	_, planOutside := outside.plan(t)

	for _, service := range []string{
		"api",
		"customer-acme",
	} {
		alarms := alarmsOf(t, plan, service)
		maps.Copy(alarms, alarmsOf(t, planOutside, service))

		for _, row := range scenarios() {
			t.Run(service+": "+row.name, func(t *testing.T) {
				t.Parallel()

				fired := fire(t, alarms, row.minutes())
				assert.Equal(t, row.fires, fired)
				assert.Equal(t, row.rollsBack, slices.ContainsFunc(fired, func(name string) bool {
					return slices.Contains(watched(t, plan, service), alarms[name].Name)
				}), "a deployment is rolled back")
			})
		}

		t.Run(service+": nothing is mailed when it is first made", func(t *testing.T) {
			t.Parallel()

			for name, alarm := range alarms {
				// Three minutes without a task, then two tasks; an alarm that waits for the service does not see the beginning.
				minutes := minute{}.times(3)
				if afterService(plan, name) {
					minutes = nil
				}

				minutes = append(minutes, minute{requests: 1, healthy: 2}.times(20)...)
				states, err := alarm.Run(len(minutes), series(minutes))
				require.NoError(t, err)
				assert.NotContains(t, states, cloudwatch.InAlarm, name)
				assert.False(t, mailsOK(plan, alarm.Name) && mailsOK(planOutside, alarm.Name), "%s mails that it is OK without ever having been on", name)
			}
		})
	}
}

// minute is what clients, tasks and the load balancer do within a minute.
type minute struct {
	requests, errors, broken float64 // broken: the load balancer itself answered 5xx
	seconds, slowest         float64 // what half of the answers, and 99 of 100, take at most
	healthy, unhealthy, cpu  float64
	unseen                   bool // from outside, the right answer does not come
}

func (m minute) times(count int) []minute { return slices.Repeat([]minute{m}, count) }

type scenario struct {
	name      string
	bad       minute
	lasts     int
	fires     []string
	rollsBack bool
}

// minutes are ten good ones, the bad ones, and ten good ones.
func (s scenario) minutes() []minute {
	good := minute{requests: s.bad.requests, seconds: 0.01, slowest: 0.05, healthy: 2, cpu: 20}

	return slices.Concat(good.times(10), s.bad.times(s.lasts), good.times(10))
}

func scenarios() []scenario {
	const long = 10

	return []scenario{
		{name: "no traffic", bad: minute{healthy: 2}, lasts: long},
		{name: "good traffic", bad: minute{requests: 1000, healthy: 2, slowest: 0.5, seconds: 0.01}, lasts: long},
		{name: "one in 20 fails", bad: minute{requests: 1000, errors: 50, healthy: 2}, lasts: long, fires: []string{"5xx"}, rollsBack: true},
		{name: "everything fails, of few requests", bad: minute{requests: 5, errors: 5, healthy: 2}, lasts: long, fires: []string{"5xx"}, rollsBack: true},
		{name: "one fails, of few requests", bad: minute{requests: 5, errors: 1, healthy: 2}, lasts: long},
		{name: "one in 1000 fails", bad: minute{requests: 10000, errors: 10, healthy: 2}, lasts: long},
		{name: "one bad minute", bad: minute{requests: 1000, errors: 900, broken: 100, slowest: 9, seconds: 9, healthy: 2, cpu: 100}, lasts: 1},
		{name: "the tasks crash", bad: minute{requests: 1000, broken: 100, healthy: 2}, lasts: long, fires: []string{"alb-5xx"}, rollsBack: true},
		{name: "the tasks crash, at few requests", bad: minute{requests: 10, broken: 6, healthy: 2}, lasts: long, fires: []string{"alb-5xx"}, rollsBack: true},
		{name: "one connection breaks, of few requests", bad: minute{requests: 5, broken: 1, healthy: 2}, lasts: long},
		{name: "some connections break, of very many requests", bad: minute{requests: 100000, broken: 20, healthy: 2}, lasts: long},
		{name: "one is slow, of few requests", bad: minute{requests: 20, slowest: 4, seconds: 0.01, healthy: 2}, lasts: long},
		{name: "all are slow, of few requests", bad: minute{requests: 20, slowest: 4, seconds: 3, healthy: 2}, lasts: long, fires: []string{"latency"}},
		{name: "one in 50 is slow", bad: minute{requests: 1000, slowest: 4, seconds: 0.01, healthy: 2}, lasts: long, fires: []string{"latency"}},
		{name: "one of two tasks fails its health checks", bad: minute{healthy: 1, unhealthy: 1}, lasts: long, fires: []string{"unhealthy"}, rollsBack: true},
		{name: "no task is healthy", bad: minute{requests: 100, broken: 100, unhealthy: 2}, lasts: long, fires: []string{"alb-5xx", "no-task", "unhealthy"}, rollsBack: true},
		{name: "there is no task", bad: minute{broken: 100}, lasts: long, fires: []string{"alb-5xx", "no-task"}, rollsBack: true},
		{name: "a task is replaced", bad: minute{requests: 100, healthy: 2, unhealthy: 1}, lasts: 2},
		{name: "the answer is wrong, seen from outside", bad: minute{requests: 20, healthy: 2, unseen: true}, lasts: long, fires: []string{"outside"}},
		{name: "nobody outside can reach it", bad: minute{healthy: 2, unseen: true}, lasts: 3, fires: []string{"outside"}},
		{name: "a minute in which nobody outside can reach it", bad: minute{healthy: 2, unseen: true}, lasts: 1},
		{name: "a task uses all its CPU", bad: minute{requests: 100, healthy: 2, cpu: 100}, lasts: long, fires: []string{"throttled"}},
	}
}

// series are what CloudWatch has of these minutes: counts are missing where there is nothing to count, and all of a target group
// without a target.
func series(minutes []minute) map[string]cloudwatch.Series {
	all := map[string]cloudwatch.Series{}
	add := func(name string, value float64, known bool) {
		point := cloudwatch.Point{}
		if known {
			point = cloudwatch.Known(value)
		}

		all[name] = append(all[name], point)
	}

	for _, m := range minutes {
		targets := m.healthy+m.unhealthy > 0

		add("RequestCount Sum", m.requests, m.requests > 0)
		add("HTTPCode_Target_5XX_Count Sum", m.errors, m.errors > 0)
		add("HTTPCode_ELB_5XX_Count Sum", m.broken, m.broken > 0)
		add("TargetResponseTime p50", m.seconds, m.requests > m.broken)
		add("TargetResponseTime p99", m.slowest, m.requests > m.broken)
		add("HealthyHostCount Maximum", m.healthy, targets)
		add("UnHealthyHostCount Maximum", m.unhealthy, targets)
		add("CPUUtilization Maximum", m.cpu, targets)
		add("HealthCheckStatus Minimum", map[bool]float64{false: 1}[m.unseen], true)
	}

	return all
}

// fire returns the alarms that are on at some time.
func fire(t *testing.T, alarms map[string]cloudwatch.Alarm, minutes []minute) []string {
	t.Helper()

	var fired []string

	for _, name := range slices.Sorted(maps.Keys(alarms)) {
		states, err := alarms[name].Run(len(minutes), series(minutes))
		require.NoError(t, err)

		if slices.Contains(states, cloudwatch.InAlarm) {
			fired = append(fired, name)
		}
	}

	return fired
}

// moduleOf is the module that a service is made by: one for itself, or one of several like it.
func moduleOf(service string) string {
	if module, key, several := strings.Cut(service, "-"); several {
		return "module." + module + `["` + key + `"].`
	}

	return "module." + service + "."
}

// alarmsOf are the alarms of a service and those that all services share, by the ends of their names.
func alarmsOf(t *testing.T, plan *tfjson.Plan, service string) map[string]cloudwatch.Alarm {
	t.Helper()

	alarms := map[string]cloudwatch.Alarm{}

	for _, change := range plan.ResourceChanges {
		if change.Type != "aws_cloudwatch_metric_alarm" || change.ModuleAddress != "" && !strings.HasPrefix(change.Address, moduleOf(service)) {
			continue
		}

		alarm := parseAlarm(t, planned(t, plan, change.Address))
		alarms[strings.TrimPrefix(strings.TrimPrefix(alarm.Name, "app-test-"), service+"-")] = alarm
	}

	require.NotEmpty(t, alarms)

	return alarms
}

func parseAlarm(t *testing.T, values map[string]any) cloudwatch.Alarm {
	t.Helper()

	text := func(values map[string]any, name string) string { value, _ := values[name].(string); return value }
	number := func(values map[string]any, name string) float64 { value, _ := values[name].(float64); return value }
	queries, _ := values["metric_query"].([]any)
	alarm := cloudwatch.Alarm{
		Name: text(values, "alarm_name"), Comparison: text(values, "comparison_operator"), Threshold: number(values, "threshold"),
		Evaluation: int(number(values, "evaluation_periods")), Datapoints: int(number(values, "datapoints_to_alarm")),
		Missing: text(values, "treat_missing_data"), Metrics: map[string]cloudwatch.Metric{}, PeriodMins: int(number(values, "period")) / 60,
	}

	if alarm.Datapoints == 0 {
		alarm.Datapoints = alarm.Evaluation
	}

	if len(queries) == 0 {
		alarm.Metrics["only"] = cloudwatch.Metric{Name: text(values, "metric_name"), Stat: text(values, "statistic") + text(values, "extended_statistic")}
	}

	for _, query := range queries {
		query, _ := query.(map[string]any)
		if expression := text(query, "expression"); expression != "" {
			require.Empty(t, alarm.Expression, "%s has two expressions", alarm.Name)
			alarm.Expression = expression

			continue
		}

		for _, metric := range query["metric"].([]any) {
			metric, _ := metric.(map[string]any)
			name := text(metric, "metric_name")

			// The one dimension that a plan knows.
			if dimensions, ok := metric["dimensions"].(map[string]any); ok && dimensions["RuleName"] != nil {
				name = text(dimensions, "RuleName")
			}

			alarm.Metrics[text(query, "id")] = cloudwatch.Metric{Name: name, Stat: text(metric, "stat")}
			alarm.PeriodMins = int(number(metric, "period")) / 60
		}
	}

	require.Positive(t, alarm.PeriodMins, alarm.Name)

	return alarm
}

// watched are the names of the alarms that roll a deployment of the service back.
func watched(t *testing.T, plan *tfjson.Plan, service string) []string {
	t.Helper()

	blocks, _ := planned(t, plan, moduleOf(service)+"aws_ecs_service.this")["alarms"].([]any)
	require.Len(t, blocks, 1)

	var names []string

	for _, name := range blocks[0].(map[string]any)["alarm_names"].([]any) {
		names = append(names, name.(string))
	}

	return names
}

// mailsOK says whether an alarm sends anything when it goes to OK, which every alarm does after it was made.
func mailsOK(plan *tfjson.Plan, name string) bool {
	for _, change := range plan.ResourceChanges {
		values, _ := change.Change.After.(map[string]any)
		unknown, _ := change.Change.AfterUnknown.(map[string]any)

		if change.Type == "aws_cloudwatch_metric_alarm" && values["alarm_name"] == name {
			return values["ok_actions"] != nil || unknown["ok_actions"] != nil
		}
	}

	return true
}

// afterService says whether an alarm is made only when the service runs.
func afterService(plan *tfjson.Plan, name string) bool {
	for _, resource := range plan.Config.RootModule.ModuleCalls["api"].Module.Resources {
		if resource.Type == "aws_cloudwatch_metric_alarm" && strings.ReplaceAll(resource.Name, "_", "-") == name {
			return slices.Contains(resource.DependsOn, "aws_ecs_service.this")
		}
	}

	return false
}
