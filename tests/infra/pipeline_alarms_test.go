package infra_test

import (
	"os"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/cloudwatch"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// The pipeline's alarms as planned, over made-up runs: a red one is told once, and again when it has been red for hours.
func TestPipelineAlarms(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	environment := cloud.Environment(os.Environ())
	bootstrap := newStack(t, "bootstrap", environment, "tf_state_bucket="+stateBucket)
	bootstrap.keepStateInFile(t)
	bootstrap.init(t)
	require.NoError(t, bootstrap.Apply(t.Context(), append(with[tfexec.ApplyOption](bootstrap, nil),
		tfexec.Target("aws_codeconnections_connection.git"), tfexec.Target("aws_iam_policy.boundary"), tfexec.Target("aws_kms_alias.signing"))...))

	connection := output(t, bootstrap, "connection_arn")
	require.NoError(t, cloud.ConfirmConnection(t.Context(), connection))

	pipeline := newStack(t, "cicd", environment, "env=test", "tf_state_bucket="+stateBucket, gitRepository, "connection_arn="+connection)
	pipeline.keepStateInFile(t)
	pipeline.init(t)
	_, plan := pipeline.plan(t)

	red := parseAlarm(t, planned(t, plan, "aws_cloudwatch_metric_alarm.red"))
	long := parseAlarm(t, planned(t, plan, "aws_cloudwatch_metric_alarm.red_for_long"))

	const (
		failed, succeeded = "cicd-test-failed Sum", "cicd-test-succeeded Sum"
		hour, hours       = 60, 12
	)

	for _, row := range []struct {
		name          string
		red, green    []int // minutes in which a run ended so
		isRed, isLong bool
		redAtTheEnd   bool
	}{
		{name: "no run"},
		{name: "a green run", green: []int{hour}},
		{name: "a red run, and nothing after it", red: []int{hour}, isRed: true, isLong: true, redAtTheEnd: true},
		{name: "a red run, and a green one an hour later", red: []int{hour}, green: []int{2 * hour}, isRed: true},
		{name: "red runs for hours, then a green one", red: []int{hour, 2 * hour, 4 * hour}, green: []int{6 * hour}, isRed: true, isLong: true},
		{name: "red and green in turn", red: []int{hour, 4 * hour, 8 * hour}, green: []int{3 * hour, 6 * hour, 11 * hour}, isRed: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			runs := map[string]cloudwatch.Series{failed: make(cloudwatch.Series, hours*hour), succeeded: make(cloudwatch.Series, hours*hour)}
			for _, minute := range row.red {
				runs[failed][minute] = cloudwatch.Known(1)
			}

			for _, minute := range row.green {
				runs[succeeded][minute] = cloudwatch.Known(1)
			}

			states, err := red.Run(hours*hour, runs)
			require.NoError(t, err)
			assert.Equal(t, row.isRed, slices.Contains(states, cloudwatch.InAlarm), "red")
			assert.Equal(t, row.redAtTheEnd, states[len(states)-1] == cloudwatch.InAlarm, "red at the end")

			states, err = long.Run(hours*hour, runs)
			require.NoError(t, err)
			assert.Equal(t, row.isLong, slices.Contains(states, cloudwatch.InAlarm), "red for long")
		})
	}

	for _, alarm := range []cloudwatch.Alarm{red, long} {
		assert.False(t, mailsOK(plan, alarm.Name), "%s mails that it is OK after the first green run", alarm.Name)
	}
}
