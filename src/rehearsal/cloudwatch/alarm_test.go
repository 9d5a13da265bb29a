package cloudwatch_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/cloudwatch"
)

// The tables of 'Configuring how CloudWatch alarms treat missing data': 0 is below the threshold, H above it, - missing.
func TestMissingData(t *testing.T) {
	t.Parallel()

	const retain = cloudwatch.InsufficientData // what it was before

	for _, row := range []struct {
		points                                   string
		datapoints                               int
		missing, ignore, breaching, notBreaching cloudwatch.State
	}{
		{"0-H-H", 3, cloudwatch.OK, cloudwatch.OK, cloudwatch.OK, cloudwatch.OK},
		{"-----", 3, cloudwatch.InsufficientData, retain, cloudwatch.InAlarm, cloudwatch.OK},
		{"----0", 3, cloudwatch.OK, cloudwatch.OK, cloudwatch.OK, cloudwatch.OK},
		{"0HH-H", 3, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm},
		{"--H--", 3, cloudwatch.InAlarm, retain, cloudwatch.InAlarm, cloudwatch.OK},
		{"0-H-H", 2, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm},
		{"00H-H", 2, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.InAlarm},
		{"--H--", 2, cloudwatch.InAlarm, retain, cloudwatch.InAlarm, cloudwatch.OK},
	} {
		for missing, want := range map[string]cloudwatch.State{
			"missing": row.missing, "ignore": row.ignore, "breaching": row.breaching, "notBreaching": row.notBreaching,
		} {
			t.Run(row.points+" "+missing, func(t *testing.T) {
				t.Parallel()

				alarm := cloudwatch.Alarm{
					Metrics: map[string]cloudwatch.Metric{"m": {Name: "m", Stat: "Sum"}}, PeriodMins: 1,
					Comparison: "GreaterThanThreshold", Threshold: 1, Evaluation: 3, Datapoints: row.datapoints, Missing: missing,
				}
				points := points(row.points)

				states, err := alarm.Run(len(points), map[string]cloudwatch.Series{"m Sum": points})
				require.NoError(t, err)

				if want == retain && missing == "ignore" {
					want = states[len(states)-2]
				}

				assert.Equal(t, want, states[len(states)-1])
			})
		}
	}
}

// A period is one point, made of what was reported within it.
func TestPeriod(t *testing.T) {
	t.Parallel()

	alarm := cloudwatch.Alarm{
		Metrics: map[string]cloudwatch.Metric{"m": {Name: "m", Stat: "Sum"}}, PeriodMins: 2,
		Comparison: "GreaterThanOrEqualToThreshold", Threshold: 4, Evaluation: 1, Datapoints: 1, Missing: "notBreaching",
	}

	states, err := alarm.Run(4, map[string]cloudwatch.Series{"m Sum": points("HH0H")})
	require.NoError(t, err)
	assert.Equal(t, []cloudwatch.State{cloudwatch.OK, cloudwatch.InAlarm, cloudwatch.InAlarm, cloudwatch.OK}, states)
}

func TestEvaluate(t *testing.T) {
	t.Parallel()

	series := map[string]cloudwatch.Series{"a": points("-H0"), "b": points("HH-")}

	for expression, want := range map[string]string{
		"a":                       "-H0",
		"a + b":                   "-4-",
		"b - 1 * 2":               "00-",
		"(b + b) / 2":             "HH-",
		"a / 0":                   "---",
		"FILL(a, 7)":              "7H0",
		"FILL(b, REPEAT)":         "HHH",
		"FILL(a, REPEAT) + 0":     "-H0",
		"IF(b >= 2, 1, 3)":        "11-",
		"IF(a > 1 && b > 1, a,9)": "-H-",
		"a < 1 || a == 2":         "-11",
		"100 * FILL(a, 0) / b":    "0C-",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()

			got, err := cloudwatch.Evaluate(expression, series, 3)
			require.NoError(t, err)
			assert.Equal(t, points(want), got)
		})
	}

	for _, wrong := range []string{"", "c", "a +", "(a", "IF(a, 1)", "FILL(a, LINEAR)", "a b", "FILL a"} {
		t.Run("not "+wrong, func(t *testing.T) {
			t.Parallel()

			_, err := cloudwatch.Evaluate(wrong, series, 3)
			require.Error(t, err)
		})
	}
}

// points are a series as AWS writes one: a digit is itself, H two, C a hundred, and - a missing point.
func points(text string) cloudwatch.Series {
	series := make(cloudwatch.Series, len(text))

	for i, letter := range text {
		switch {
		case letter == 'H':
			series[i] = cloudwatch.Known(2)
		case letter == 'C':
			series[i] = cloudwatch.Known(100)
		case strings.ContainsRune("0123456789", letter):
			series[i] = cloudwatch.Known(float64(letter - '0'))
		}
	}

	return series
}
