// Package report_test looks at the page that a rehearsal leaves, in a real Chromium.
package report_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/load"
	"github.com/clockmirror/clockmirror/src/rehearsal/report"
	"github.com/clockmirror/clockmirror/tests/testkit/browser"
)

// The page can be read on a desk and on a phone, by day and by night.
func TestReport(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	require.NoError(t, example().Write(folder))

	ctx := browser.New(t)
	pictures := map[string][]byte{}

	for _, scheme := range []string{"light", "dark"} {
		for kind, width := range map[string]int64{"desk": 1000, "phone": 390} {
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 1400), chromedp.Navigate("file://"+filepath.Join(folder, "report.html"))))
			browser.Prefer(ctx, t, scheme)

			name := kind + "-" + scheme
			pictures[name] = browser.Shot(ctx, t, "report", name)

			beyond, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`document.documentElement.scrollWidth - innerWidth`))
			require.NoError(t, err)
			assert.LessOrEqual(t, beyond, 0.0, "%s: the page is wider than the window", name)

			cut, err := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('svg')].flatMap(svg =>
				[...svg.querySelectorAll('text')].filter(text => text.getBBox().x + text.getBBox().width > svg.viewBox.baseVal.width).map(text => text.textContent)).join()`))
			require.NoError(t, err)
			assert.Empty(t, cut, "%s: a label is cut off", name)
		}
	}

	assert.NotEqual(t, pictures["desk-light"], pictures["desk-dark"])
}

// example is a run in which everything happens.
func example() *report.Run {
	began := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }

	run := &report.Run{
		Commit: "abc1234", Subject: "api: answer faster", Began: began, Ended: at(240), Coverage: "90 %",
		Actions: []report.Action{
			{Stage: "Test", Name: "StaticAnalysis", Began: at(60), Took: 30 * time.Second},
			{Stage: "Deploy", Name: "DeployApp", Detail: "plan: no changes  http://app-rehearsal-1.eu-west-1.elb.amazonaws.com", Began: at(90), Took: 15 * time.Second, Plan: "No changes."},
			{Stage: "Deploy", Name: "UpdateECSService", Began: at(105), Took: 60 * time.Second},
			{Stage: "Deploy", Name: "UpdateECSService", Note: "(again)", Began: at(165), Took: 60 * time.Second, Red: true, Tail: strings.Repeat("a long line ", 40)},
		},
		Roles:  []report.Role{{Name: "cicd-rehearsal-deploy-app", Calls: []report.Call{{Action: "ecs:DescribeServices", Count: 12}}, Denied: []string{"ecs:DeleteService on *"}}},
		Suites: []report.Suite{{Name: "unit-tests", Tests: 257}},
	}

	for second := range 120 {
		run.Seconds = append(run.Seconds, load.Second{At: at(105 + second), Requests: 250 - second%7, Failed: max(0, second-117), P99Millis: float64(4 + second%11)})
	}

	for task := range 4 {
		for number, what := range []string{"starting", "healthy", "draining", "stopped"} {
			run.Marks = append(run.Marks, report.Mark{At: at(105 + 25*task + 20*number), Task: fmt.Sprintf("api-%d", task), What: what})
		}
	}

	return run
}
