// Package measure_test computes how well a pipeline delivers, from histories that are made up.
package measure_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// An hour is the unit of these tests, a run takes one of them, and it is now 1000 o'clock.
const hour, now = 3600, 1000

// run is an execution of a pipeline that ended.
type run struct {
	Succeeded bool  `json:"succeeded"`
	Deployed  bool  `json:"deployed"`
	Started   int   `json:"started"`
	Ended     int   `json:"ended"`
	Commits   []int `json:"commits"`
}

// green delivers what was committed at these hours; red failed in Deploy, early before that.
func green(at int, commits ...int) run {
	return run{Succeeded: true, Deployed: true, Started: at * hour, Ended: (at + 1) * hour, Commits: times(commits)}
}

func red(at int) run   { return run{Deployed: true, Started: at * hour, Ended: (at + 1) * hour} }
func early(at int) run { return run{Started: at * hour, Ended: (at + 1) * hour} }

func times(hours []int) []int {
	seconds := make([]int, 0, len(hours))
	for _, at := range hours {
		seconds = append(seconds, at*hour)
	}

	return seconds
}

// What counts as a failure, and when each clock starts and stops.
func TestDefinitions(t *testing.T) {
	t.Parallel()

	const none = -1

	// Hours, deployments a day in ten days, and percent.
	for name, row := range map[string]struct {
		runs                                  []run
		lead, frequency, between, recover, of float64
	}{
		"nothing has run": {nil, none, 0, none, none, none},
		"one delivery of one commit: from the commit to the end of the run": {[]run{green(900, 896)}, 5, 0.1, none, none, 0},
		"one delivery of two commits: each counts":                          {[]run{green(900, 890, 896)}, 8, 0.1, none, none, 0},
		"a commit that a run failed to deliver waits for the next one":      {[]run{red(900), green(910, 896)}, 15, 0.1, none, 10, 50},
		"the same commit again is a deployment without a commit":            {[]run{green(900, 896), green(920)}, 5, 0.2, none, none, 0},
		"green, then red: from start to start":                              {[]run{green(900), red(930)}, none, 0.1, 30, none, 50},
		"green twice, then red: the first green one started the clock":      {[]run{green(900), green(910), red(930)}, none, 0.2, 30, none, 100. / 3},
		"red twice, then green: the first red one started the clock":        {[]run{red(900), red(905), green(930)}, none, 0.1, none, 30, 200. / 3},
		"red, green, red, green: the mean of both":                          {[]run{red(900), green(910), red(940), green(960)}, none, 0.2, 30, 15, 50},
		"red from the beginning has no time before it":                      {[]run{red(900)}, none, 0, none, none, 100},
		"failed before Deploy: no change of the environment failed":         {[]run{green(900), early(930), green(940)}, none, 0.2, 30, 10, 0},
		"what ended more than ten days ago counts no more":                  {[]run{green(600, 500), red(610), green(620, 600)}, none, 0, none, none, none},
		"what began before and ended within counts with its whole length":   {[]run{green(600), red(900)}, none, 0, 300, none, 100},
		"an outage that began before counts where it ended":                 {[]run{red(600), green(900, 899)}, 2, 0.1, none, 300, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			want := map[string]float64{"DeployFrequency": row.frequency}

			for metric, value := range map[string]float64{
				"LeadTime": row.lead * hour, "MeanTimeBetweenFailures": row.between * hour, "MeanTimeToRecover": row.recover * hour, "ChangeFailureRate": row.of,
			} {
				if value >= 0 {
					want[metric] = value
				}
			}

			assert.InDeltaMapValues(t, want, metrics(t, row.runs), 0.001)
		})
	}
}

// metrics computes those of ten days.
func metrics(t *testing.T, runs []run) map[string]float64 {
	t.Helper()

	if runs == nil {
		runs = []run{}
	}

	input, err := json.Marshal(runs)
	require.NoError(t, err)

	var computed []struct {
		MetricName string
		Value      float64
	}

	ask(t, string(input), fmt.Sprintf("metrics(%d; 10)", now*hour), &computed)

	found := map[string]float64{}
	for _, metric := range computed {
		found[metric.MetricName] = metric.Value
	}

	return found
}

// ask has jq compute something with the definitions.
func ask(t *testing.T, input, program string, output any) {
	t.Helper()

	command := exec.CommandContext(t.Context(), testkit.Program(t, "apt-get install jq", "jq"), "-L", testkit.Root(t)+"/.infra/cicd", `include "delivery"; `+program)
	command.Stdin = strings.NewReader(input)
	answer, err := command.CombinedOutput()
	require.NoError(t, err, string(answer))
	require.NoError(t, json.Unmarshal(answer, output), string(answer))
}

// Which executions are runs, and what CodePipeline says of them.
func TestRuns(t *testing.T) {
	t.Parallel()

	execution := func(id, kind, status string, started int) string {
		return fmt.Sprintf(`{"pipelineExecutionId":%q,"executionType":%q,"status":%q,"sourceRevisions":[{"revisionId":"of %s"}],
			"startTime":"1970-01-01T%02d:00:00.123000+00:00","lastUpdateTime":"1970-01-01T%02d:00:00+00:00"}`, id, kind, status, id, started, started+1)
	}

	var runs []struct {
		ID, Revision   string
		Succeeded      bool
		Deployed       bool
		Started, Ended float64
	}

	history := `{"pipelineExecutionSummaries":[` + strings.Join([]string{
		execution("own", "STANDARD", "InProgress", 9),
		execution("waiting", "STANDARD", "InProgress", 8),
		execution("back", "ROLLBACK", "Succeeded", 7),
		execution("red", "STANDARD", "Failed", 6),
		execution("stopped", "STANDARD", "Stopped", 5),
		execution("passed", "STANDARD", "Superseded", 4),
		execution("green", "STANDARD", "Succeeded", 3),
		execution("delivered", "STANDARD", "Failed", 2), // to this environment, and red in the next
		`{"pipelineExecutionId":"number","status":"Failed","sourceRevisions":[{"revisionId":"of number"}],"startTime":3600.5,"lastUpdateTime":7200}`,
	}, ",") + `]}`

	action := func(id, name, status string, minute int) string {
		return fmt.Sprintf(`{"id":%q,"action":%q,"status":%q,"ended":"1970-01-01T02:%02d:00.5+00:00"}`, id, name, status, minute)
	}
	actions := "[" + strings.Join([]string{
		action("waiting", "DeployApp", "Succeeded", 1), // and no further yet
		action("red", "Verify", "Failed", 1),
		action("delivered", "Verify", "Succeeded", 30), // in its second attempt
		action("delivered", "DeployApp", "Succeeded", 10),
		action("delivered", "Verify", "Failed", 20),
	}, ",") + "]"

	ask(t, history, fmt.Sprintf(`runs("own"; "Succeeded"; %d; %s)`, 11*hour, actions), &runs)
	require.Len(t, runs, 5, "%v", runs)

	for i, want := range []string{"number false/false 1 2", "delivered true/true 2 2.5", "green true/true 3 4", "red false/true 6 7", "own true/true 9 11"} {
		assert.Equal(t, want, fmt.Sprintf("%s %t/%t %.0f %.4g", runs[i].ID, runs[i].Succeeded, runs[i].Deployed, runs[i].Started/hour, runs[i].Ended/hour))
		assert.Equal(t, "of "+runs[i].ID, runs[i].Revision)
	}
}
