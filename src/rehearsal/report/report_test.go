package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/load"
	"github.com/clockmirror/clockmirror/src/rehearsal/report"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// write writes a run, and returns the page and the picture.
func write(t *testing.T, run *report.Run) (page, picture string) {
	t.Helper()

	folder := t.TempDir()
	require.NoError(t, run.Write(folder))

	for name, content := range map[string]*string{"report.html": &page, "pipeline.svg": &picture} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)

		*content = string(text)
	}

	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return page, picture
		}

		require.NoError(t, err, picture)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()

	run := &report.Run{
		Commit: "abc1234", Subject: "api: <b>faster</b>", Began: noon, Ended: noon.Add(2 * time.Minute), Coverage: "90 %",
		Actions: []report.Action{
			{Stage: "Build", Name: "Build", Began: noon, Took: 30 * time.Second, Plan: "Plan: 1 to add"},
			{Stage: "Deploy", Name: "Verify", Note: "(again)", Began: noon.Add(time.Minute), Took: time.Second, Red: true, Tail: "it does not <script>answer</script>"},
		},
		Seconds: []load.Second{
			{At: noon, Requests: 250, P99Millis: 4}, {At: noon.Add(10 * time.Second), Requests: 200, Failed: 3, P99Millis: 90}, {At: noon.Add(20 * time.Second), Requests: 250, P99Millis: 5},
		},
		Marks: []report.Mark{
			{At: noon.Add(-time.Hour), Task: "api-0", What: "starting"},
			{At: noon.Add(-time.Minute), Task: "api-0", What: "stopped"},
			{At: noon.Add(-time.Minute), Task: "api-1", What: "healthy"},
			{At: noon.Add(5 * time.Second), Task: "api-1", What: "draining"},
			{At: noon.Add(10 * time.Second), Task: "api-1", What: "stopped"},
			{At: noon.Add(5 * time.Second), Task: "api-2", What: "starting"},
		},
		Roles:  []report.Role{{Name: "cicd-test-build", Calls: []report.Call{{Action: "s3:GetObject", Count: 7}}, Denied: []string{"kms:Sign on key/1"}}},
		Suites: []report.Suite{{Name: "unit-tests", Tests: 12, Failures: 1}},
	}
	page, picture := write(t, run)

	assert.Contains(t, page, "abc1234 is <span class=\"bad\">red</span>")
	assert.Contains(t, page, "api: &lt;b&gt;faster&lt;/b&gt;")
	assert.Contains(t, page, "it does not &lt;script&gt;answer")
	assert.Contains(t, page, "Plan: 1 to add")
	assert.Contains(t, page, "3 failed")
	assert.Contains(t, page, "at most 250")
	assert.Contains(t, page, "at most 90 ms")
	assert.Contains(t, page, "kms:Sign on key/1")
	assert.Contains(t, page, "Coverage: 90 %")
	assert.NotContains(t, page, "api-0", "a task that stopped before is shown")
	assert.NotContains(t, strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), "http", "the page needs the network")

	// Half of the plot is half of the time: 512 units are 61 s, so 30 s are 252.
	assert.Regexp(t, `>Build</text><rect class="good" x="164.0" y="4" width="251.8"`, picture)
	assert.Regexp(t, `>Verify \(again\)</text><rect class="bad" x="667.6"`, picture)
	assert.Contains(t, page, `<rect class="healthy" x="164.0" y="269" width="128.0" height="16">`)
	assert.Contains(t, page, `<rect class="draining" x="292.0" y="269" width="128.0" height="16">`)
}

// A run that failed before anything ran, or without a deployment, has a page too.
func TestWriteLittle(t *testing.T) {
	t.Parallel()

	page, _ := write(t, &report.Run{Commit: "abc1234", Began: noon, Ended: noon})
	assert.Contains(t, page, "green")
	assert.NotContains(t, page, "The rollout")
}
