package rehearsal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const share = 10 // percent that the one box gets

// oneInFiveFails is what a version does wrong, but for the tests: they ask for the one box.
const oneInFiveFails = `	if request.Header.Get("X-One-Box") == "" && request.URL.Path == "/clock" && time.Now().UnixNano()%5 == 0 {
		writer.WriteHeader(http.StatusInternalServerError)

		return
	}

	a.engine.ServeHTTP(writer, request)
`

// testOneBox: a person gives the environment one box. A bad version gets no further than there, and a good one does.
func testOneBox(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution) {
	settings := map[string]func(string) string{
		appSettings: func(string) string {
			return addLine(t, e, appSettings, "\none_box_percent = "+strconv.Itoa(share)+"\n")
		},
		cicdSettings: func(string) string { return addLine(t, e, cicdSettings, "\nbake_minutes = 1\n") },
	}
	commit := alter(t, e, settings)

	require.NoError(t, e.Apply(t.Context(), "app"))
	require.NoError(t, e.Apply(t.Context(), "cicd"))

	before, err := e.Running(t.Context())
	require.NoError(t, err)

	t.Run("a version that fails one request in five", func(t *testing.T) { testBadBox(t, e, first, settings, before) })

	t.Run("a good version", func(t *testing.T) {
		good := codepipeline.NewExecution(first.Commit, first)
		good.Commit = commit

		green, err := e.Retry(t.Context(), good, "Deploy")
		require.NoError(t, err)

		var names []string
		for _, result := range green.Results {
			names = append(names, result.Action)
		}

		assert.Equal(t, []string{"DeployECR", "DeployApp", "UpdateECSService-api-onebox", "Bake", "UpdateECSService", "Accept", "Verify"}, names)
		assert.Regexp(t, `^1/1 on [0-9a-f]{7}, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, green.Result("UpdateECSService-api-onebox").Detail)
		assert.Regexp(t, `bake: 0 of \d{3,} requests failed, 0 of the others' \d{4,}; p99 [\d.]+ s, of the others [\d.]+ s`, logOf(t, green.Result("Bake")))
	})
}

// addLine adds a line to a file of variables in the checkout that the account was set up from, once, and returns the file.
func addLine(t *testing.T, e *rehearsal.Environment, name, line string) string {
	t.Helper()

	file := filepath.Join(e.Checkout(), name)
	text, err := os.ReadFile(file)
	require.NoError(t, err)

	if !strings.Contains(string(text), line) {
		text = append(text, line...)
		require.NoError(t, os.WriteFile(file, text, 0o600))
	}

	return string(text)
}

// testBadBox: what is wrong is seen at the one box, by its requests alone, and goes back there. The others keep the version before.
func testBadBox(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string, before string) {
	t.Helper()

	red, err := e.Retry(t.Context(), badVersion(t, e, first, settings), "Deploy")
	require.ErrorIs(t, err, codepipeline.ErrRed)

	bake := red.Result("Bake")
	require.NotNil(t, bake)
	require.Error(t, bake.Err)
	assert.Regexp(t, `bake: \d+ of \d+ requests failed, [\d.]+ %, and 0 % of the others'`, logOf(t, bake))
	assert.Contains(t, logOf(t, bake), "deploy-image: api-onebox of app-"+rehearsal.Env+" goes from ")
	assert.Nil(t, red.Result("UpdateECSService"), "the others get a version that is bad at one box")

	counts := regexp.MustCompile(`(\d+) of (\d+) requests, 0 of \d+ slow ones failed`).FindStringSubmatch(bake.Detail)
	require.NotNil(t, counts, bake.Detail)

	failed, err := strconv.Atoi(counts[1])
	require.NoError(t, err)

	all, err := strconv.Atoi(counts[2])
	require.NoError(t, err)
	assert.Positive(t, failed)
	assert.LessOrEqual(t, 100*failed, share*all, "more requests failed than went to the one box")

	log, err := os.ReadFile(filepath.Join(e.Logs(), "load-balancer-api.log"))
	require.NoError(t, err)
	assert.NotRegexp(t, ` load~? api/\S+ \S+ 500 `, string(log), "the others have answered with 500")

	for _, task := range tasksOf(t, e) {
		assert.Equal(t, before, task.Config.Image)
	}

	assert.Len(t, tasksOf(t, e), 3)
}

// badVersion has passed Test and Build, as if nothing were wrong with it.
func badVersion(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string) *codepipeline.Execution {
	t.Helper()

	clone := secured(t)
	change(t, clone, "Give it one box", settings)
	change(t, clone, "Break it", map[string]func(string) string{"src/api/api.go": func(text string) string {
		return strings.Replace(text, "\ta.engine.ServeHTTP(writer, request)\n", oneInFiveFails, 1)
	}})

	engine, image := testkit.Docker(t), testkit.Unique()
	engine.RemoveAfter(t, "image", image)
	testkit.Run(t, clone, "env", "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "make", "image", "IMAGE="+image)

	commit, err := e.Take(t.Context(), clone, "HEAD")
	require.NoError(t, err)

	return built(t, e, first, image, commit)
}
