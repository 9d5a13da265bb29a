// Package bake_test tests what Bake watches the one box by: the rule, and the script that feeds it.
package bake_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// minute is what was measured in one, of the one box and of the others: requests, errors, and the quantiles of their times in seconds.
type minute struct {
	requests, errors             int
	p90, p99                     float64
	othersRequests, othersErrors int
	othersP90, othersP99         float64
}

// series is a metric as GetMetricData answers.
type series struct {
	ID         string `json:"Id"` //nolint:tagliatelle // AWS's name
	Timestamps []string
	Values     []float64
}

// The one box is worse when it fails more, or when its slowest tenth or hundredth is slower. It is now ten seconds after the third minute began.
func TestRule(t *testing.T) {
	t.Parallel()

	const tooFew = "too few requests in a minute to compare their times"

	for name, test := range map[string]struct {
		minutes []minute
		worse   []string
		found   string
	}{
		"nothing was asked":                 {nil, nil, "0 of 0 requests failed, 0 of the others' 0; " + tooFew},
		"as good as the others":             {[]minute{{100, 1, 0.01, 0.02, 900, 9, 0.01, 0.02}}, nil, "1 of 100 requests failed, 9 of the others' 900; p90 0.01 s, of the others 0.01 s; p99 0.02 s, of the others 0.02 s"},
		"one failure in few says nothing":   {[]minute{{4, 2, 0.01, 0.02, 40, 0, 0.01, 0.02}}, nil, "2 of 4 requests failed, 0 of the others' 40; " + tooFew},
		"three failures in few":             {[]minute{{4, 3, 0.01, 0.02, 40, 0, 0.01, 0.02}}, []string{"3 of 4 requests failed, 75 %, and 0 % of the others'"}, ""},
		"failures of several minutes count": {[]minute{{50, 1, 0, 0, 450, 0, 0, 0}, {50, 1, 0, 0, 450, 0, 0, 0}, {50, 1, 0, 0, 450, 0, 0, 0}}, []string{"3 of 150 requests failed, 2 %, and 0 % of the others'"}, ""},
		"a hundredth more is too little":    {[]minute{{300, 9, 0.01, 0.02, 900, 18, 0.01, 0.02}}, nil, ""},
		"more than a hundredth more":        {[]minute{{300, 10, 0.01, 0.02, 900, 18, 0.01, 0.02}}, []string{"10 of 300 requests failed, 3.33 %, and 2 % of the others'"}, ""},
		"the others fail more":              {[]minute{{100, 5, 0.01, 0.02, 900, 90, 0.01, 0.02}}, nil, ""},
		"twice as slow, by milliseconds":    {[]minute{{100, 0, 0.01, 0.2, 900, 0, 0.01, 0.02}}, nil, ""},
		"slower by a second":                {[]minute{{100, 0, 0.01, 1.02, 900, 0, 0.01, 0.02}}, []string{"p99 is 1.02 s, and 0.02 s of the others"}, ""},
		"a tenth slower by a second":        {[]minute{{100, 0, 1.01, 1.02, 900, 0, 0.01, 0.02}}, []string{"p90 is 1.01 s, and 0.01 s of the others", "p99 is 1.02 s, and 0.02 s of the others"}, ""},
		"the clients' hundredth is slower":  {[]minute{{100, 0, 1.01, 8, 900, 0, 0.01, 8}}, []string{"p90 is 1.01 s, and 0.01 s of the others"}, "0 of 100 requests failed, 0 of the others' 900; p90 1.01 s, of the others 0.01 s; p99 8 s, of the others 8 s"},
		"slower, but not twice":             {[]minute{{100, 0, 0.01, 1.9, 900, 0, 0.01, 1}}, nil, ""},
		"slow with too few requests":        {[]minute{{99, 0, 0.01, 9, 900, 0, 0.01, 0.02}}, nil, "0 of 99 requests failed, 0 of the others' 900; " + tooFew},
		"slow beside too few requests":      {[]minute{{100, 0, 0.01, 9, 99, 0, 0.01, 0.02}}, nil, "0 of 100 requests failed, 0 of the others' 99; " + tooFew},
		"one slow minute of three":          {[]minute{{100, 0, 0.01, 9, 900, 0, 0.01, 0.02}, {100, 0, 0.01, 0.02, 900, 0, 0.01, 0.02}, {100, 0, 0.01, 9, 900, 0, 0.01, 0.02}}, nil, "0 of 300 requests failed, 0 of the others' 2700; p90 0.01 s, of the others 0.01 s; p99 0.02 s, of the others 0.02 s"},
		"a minute that is not over":         {[]minute{{0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0}, {100, 0, 0.01, 9, 900, 0, 0.01, 0.02}}, nil, "0 of 100 requests failed, 0 of the others' 900; " + tooFew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			verdict := judge(t, test.minutes)
			assert.ElementsMatch(t, test.worse, verdict.Worse)

			if test.found != "" {
				assert.Equal(t, test.found, verdict.Found)
			}
		})
	}
}

type verdict struct {
	Found string   `json:"found"`
	Worse []string `json:"worse"`
}

// judge has jq apply the rule. A minute in which nothing was asked has no point.
func judge(t *testing.T, minutes []minute) verdict {
	t.Helper()

	all := map[string]*series{}

	for i, measured := range minutes {
		for id, value := range map[string]float64{
			"one_box_requests": float64(measured.requests), "one_box_errors": float64(measured.errors), "one_box_p90": measured.p90, "one_box_p99": measured.p99,
			"others_requests": float64(measured.othersRequests), "others_errors": float64(measured.othersErrors), "others_p90": measured.othersP90, "others_p99": measured.othersP99,
		} {
			if all[id] == nil {
				all[id] = &series{ID: id, Timestamps: []string{}, Values: []float64{}}
			}

			if value > 0 {
				all[id].Timestamps = append(all[id].Timestamps, "1970-01-01T00:0"+strconv.Itoa(i)+":00+00:00")
				all[id].Values = append(all[id].Values, value)
			}
		}
	}

	answer := map[string][]*series{"MetricDataResults": {}}
	for _, found := range all {
		answer["MetricDataResults"] = append(answer["MetricDataResults"], found)
	}

	input, err := json.Marshal(answer)
	require.NoError(t, err)

	command := exec.CommandContext(t.Context(), testkit.Program(t, "apt-get install jq", "jq"), "--argjson", "now", "130",
		"--from-file", filepath.Join(testkit.Root(t), ".infra", "app", "bake.jq"))
	command.Stdin = strings.NewReader(string(input))
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))

	var found verdict

	require.NoError(t, json.Unmarshal(output, &found))

	return found
}
