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
const oneInFiveFails = `	if request.Header.Get("X-One-Box") == "" && request.URL.RawQuery != "" && time.Now().UnixNano()%5 == 0 {
		writer.WriteHeader(http.StatusInternalServerError)

		return
	}

	a.engine.ServeHTTP(writer, request)
`

// giveOneBox gives the environment one box, as a person does, and returns the changes of its files of variables.
func giveOneBox(t *testing.T, e *rehearsal.Environment) map[string]func(string) string {
	t.Helper()

	settings := map[string]string{
		appSettings:  addLine(t, e, appSettings, "one_box_percent = "+strconv.Itoa(share)),
		cicdSettings: addLine(t, e, cicdSettings, "bake_minutes = 1"),
	}

	require.NoError(t, e.Apply(t.Context(), "app"))
	require.NoError(t, e.Apply(t.Context(), "cicd"))

	changes := map[string]func(string) string{}
	for name, text := range settings {
		changes[name] = func(string) string { return text }
	}

	return changes
}

// addLine adds a line to a file of variables in the checkout that the account was set up from, and returns the file.
func addLine(t *testing.T, e *rehearsal.Environment, name, line string) string {
	t.Helper()

	file := filepath.Join(e.Checkout(), name)
	text, err := os.ReadFile(file)
	require.NoError(t, err)

	text = append(text, line+"\n"...)
	require.NoError(t, os.WriteFile(file, text, 0o600))

	return string(text)
}

// testBadBox: what is wrong is seen at the one box, by its requests alone, and goes back there. The others keep the version before.
func testBadBox(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string) {
	t.Helper()

	before, err := e.Running(t.Context())
	require.NoError(t, err)

	red, err := e.Retry(t.Context(), badVersion(t, e, first, settings), "Deploy")
	require.ErrorIs(t, err, codepipeline.ErrRed)
	assert.Equal(t, []string{"Source/Source", "Deploy/DeployECR", "Deploy/DeployApp", "Deploy/UpdateECSService-api-onebox", "Deploy/Bake"}, actionsOf(red),
		"the others get a version that is bad at one box")

	bake := red.Result("Bake")
	require.NotNil(t, bake)
	require.Error(t, bake.Err)
	assert.Regexp(t, `bake: \d+ of \d+ requests failed, [\d.]+ %, and 0 % of the others'`, logOf(t, bake))
	assert.Contains(t, logOf(t, bake), "deploy-image: api-onebox of app-"+rehearsal.Env+" goes from ")

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
