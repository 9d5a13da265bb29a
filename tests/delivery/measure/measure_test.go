package measure_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// history is a repository, and what the pipeline made of its commits.
type history struct {
	cloud *emulator.Emulator
	tree  string
	now   time.Time
}

// The script, on a history of the emulator: what it asks CodePipeline and Git for, and what CloudWatch has in the end.
func TestMeasure(t *testing.T) {
	t.Parallel()

	testkit.Program(t, "apt-get install jq", "jq")

	cloud := testkit.Emulator(t, "measure")
	environ := testkit.Shell(t, cloud)
	testkit.Pipeline(t, environ, "cicd-test")

	h := &history{cloud: cloud, tree: t.TempDir(), now: time.Now().Truncate(time.Second)}
	testkit.Git(t, h.tree, "init", "--quiet")

	for _, name := range []string{"measure", "delivery.jq"} {
		content, err := os.ReadFile(filepath.Join(testkit.Root(t), ".infra", "cicd", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(h.tree, name), content, 0o700))
	}

	h.execution(t, "first", "Succeeded", 100, h.commit(t, environ, 110))
	h.execution(t, "tests", "Failed", 80, h.commit(t, environ, 90))
	h.actions(t, "tests", "Failed", "Test", "UnitTest")
	h.execution(t, "verify", "Failed", 60, h.commit(t, environ, 70))
	h.actions(t, "verify", "Failed", "Deploy", "Verify")
	h.execution(t, "own", "InProgress", 40, h.commit(t, environ, 50))

	// It ends now. The first commit took 11 hours less one in which the run went on; three more took 90, 70 and 50 hours.
	h.requireMetrics(t, environ, "test", map[string]float64{
		"DeployFrequency": 2. / 30, "LeadTime": (11 + 90 + 70 + 50) / 4. * hour, "MeanTimeBetweenFailures": 20 * hour, "MeanTimeToRecover": 40 * hour, "ChangeFailureRate": 100. / 3,
	})

	// An environment before it had got what was red in the next one.
	h.actions(t, "verify", "Succeeded", "Deploy-gamma", "Verify-gamma")
	h.requireMetrics(t, append(environ, "PIPELINE=cicd-test"), "gamma", map[string]float64{
		"DeployFrequency": 3. / 30, "LeadTime": (11 + 31 + 11 + 50) / 4. * hour, "MeanTimeBetweenFailures": 20 * hour, "MeanTimeToRecover": 20 * hour, "ChangeFailureRate": 0,
	})
}

// requireMetrics runs the script at the end of an execution that succeeded, and checks what CloudWatch has then.
func (h *history) requireMetrics(t *testing.T, environ []string, env string, metrics map[string]float64) {
	t.Helper()

	command := exec.CommandContext(t.Context(), "./measure", env, "own", "Succeeded")
	command.Dir, command.Env = h.tree, environ
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))

	for metric, want := range metrics {
		got, err := strconv.ParseFloat(testkit.AWS(t, environ, "cloudwatch", "get-metric-statistics", "--namespace", "clockmirror/"+env, "--metric-name", metric,
			"--statistics", "Maximum", "--period", "60", "--start-time", h.now.Add(-time.Hour).Format(time.RFC3339), "--end-time", h.now.Add(time.Hour).Format(time.RFC3339),
			"--query", "Datapoints[0].Maximum"), 64)
		require.NoError(t, err, metric)
		assert.InDelta(t, want, got, 0.01*want, "%s\n%s", metric, said)
	}
}

func (h *history) ago(hours int) time.Time { return h.now.Add(-time.Duration(hours) * time.Hour) }

// commit makes a commit that is so many hours old, and returns its SHA.
func (h *history) commit(t *testing.T, environ []string, hours int) string {
	t.Helper()

	command := exec.CommandContext(t.Context(), "git", "commit", "--quiet", "--allow-empty", "--message", fmt.Sprint(hours, " hours ago"))
	command.Dir, command.Env = h.tree, slices.Concat(environ, []string{"GIT_COMMITTER_DATE=" + h.ago(hours).Format(time.RFC3339)})
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))

	return strings.TrimSpace(testkit.Git(t, h.tree, "rev-parse", "HEAD"))
}

// execution is one that began so many hours ago and took one.
func (h *history) execution(t *testing.T, id, status string, hours int, revision string) {
	t.Helper()
	require.NoError(t, h.cloud.ReportExecution(t.Context(), "cicd-test", fmt.Sprintf(
		`{"pipelineExecutionId":%q,"status":%q,"executionType":"STANDARD","startTime":%d,"lastUpdateTime":%d,"sourceRevisions":[{"actionName":"Source","revisionId":%q}]}`,
		id, status, h.ago(hours).Unix(), h.ago(hours-1).Unix(), revision)))
}

func (h *history) actions(t *testing.T, id, status, stage, action string) {
	t.Helper()
	require.NoError(t, h.cloud.ReportActions(t.Context(), "cicd-test", id, []codepipeline.ActionExecution{{Stage: stage, Action: action, Status: status}}))
}
