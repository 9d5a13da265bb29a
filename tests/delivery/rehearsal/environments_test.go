package rehearsal_test

import (
	"context"
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
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

const share = 10 // percent that the one box gets

// serves is the line that answers a request; what versions do wrong comes before it. They do it behind a load balancer, and so not to the unit
// tests, and not to those of the one box, which ask for it.
const (
	serves = "\ta.engine.ServeHTTP(writer, request)\n"
	ofUser = `request.Header.Get("X-Forwarded-Port") != "" && request.Header.Get("X-One-Box") == "" && request.URL.RawQuery != ""`

	oneInFiveFails = `	if ` + ofUser + ` && time.Now().UnixNano()%5 == 0 {
		writer.WriteHeader(http.StatusInternalServerError)

		return
	}

` + serves
	isSlow = `	if ` + ofUser + ` {
		time.Sleep(time.Second)
	}

` + serves
)

// Versions that are bad at the one box of the first environment go no further.
func TestBadVersions(t *testing.T) {
	t.Parallel()

	e, first, settings := startWithGamma(t, rehearsal.Options{})

	t.Run("one that fails one request in five", func(t *testing.T) {
		bake := testBadBox(t, e, first, settings, oneInFiveFails, `\d+ of \d+ requests failed, [\d.]+ %, and 0 % of the others'`)
		counts := regexp.MustCompile(`(\d+) of (\d+) requests, 0 of \d+ slow ones failed`).FindStringSubmatch(bake.Detail)
		require.NotNil(t, counts, bake.Detail)

		failed, err := strconv.Atoi(counts[1])
		require.NoError(t, err)

		all, err := strconv.Atoi(counts[2])
		require.NoError(t, err)
		assert.Positive(t, failed)
		assert.LessOrEqual(t, 100*failed, share*all, "more requests failed than went to the one box")
	})
	t.Run("one that is a second slower", func(t *testing.T) {
		bake := testBadBox(t, e, first, settings, isSlow, `p90 is 1[\d.]* s, and 0[\d.]* s of the others`)
		assert.NotContains(t, bake.Detail, "failed", "requests failed")
	})
	requireSettled(t, e)
}

// A commit goes through the first environment and, when a person says so, on to the next.
func TestApproval(t *testing.T) {
	t.Parallel()

	var approves bool

	e, first, settings := startWithGamma(t, rehearsal.Options{
		Approve: func(_ context.Context, question string) (bool, error) {
			assert.Regexp(t, `^Deploy [0-9a-f]{40} to `+rehearsal.Env+`\?$`, question)

			return approves, nil
		},
	})

	var refused *codepipeline.Execution

	t.Run("a setting that is refused", func(t *testing.T) { refused = testRefused(t, e, first, settings) })

	approves = true

	t.Run("the setting approved", func(t *testing.T) { testApproved(t, e, refused) })
	requireSettled(t, e)
}

// startWithGamma starts a rehearsal in which a first commit is everywhere, and returns the execution that brought it and what
// putGammaInFront changed.
func startWithGamma(t *testing.T, options rehearsal.Options) (*rehearsal.Environment, *codepipeline.Execution, map[string]func(string) string) {
	t.Helper()
	rehearsaltest.Machine(t)

	// A commit of its own: what is left of an execution is found by its commit.
	options.Repository = secured(t)
	change(t, options.Repository, t.Name(), map[string]func(string) string{"CHANGELOG.md": func(text string) string { return text + "\n" }})

	e := start(t, options)
	commit, err := e.Take(t.Context(), options.Repository, "HEAD")
	require.NoError(t, err)

	first, err := e.Run(t.Context(), commit, codepipeline.Part{From: "Build"})
	require.NoError(t, err)

	return e, first, putGammaInFront(t, e)
}

// putGammaInFront has the pipeline deliver to gamma first, with one box there and an approval after it, as a person does. It returns the changes of
// the files of variables.
func putGammaInFront(t *testing.T, e *rehearsal.Environment) map[string]func(string) string {
	t.Helper()

	settings := map[string]string{
		gammaSettings: addLine(t, e, gammaSettings, "one_box_percent = "+strconv.Itoa(share)),
		cicdSettings: addLine(t, e, cicdSettings,
			`environments = [{ name = "`+gamma+`", bake_minutes = 1 }, { name = "`+rehearsal.Env+`", require_approval = true }]`),
	}

	require.NoError(t, e.Apply(t.Context(), "app", gamma))
	require.NoError(t, e.Apply(t.Context(), "cicd", rehearsal.Env))

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
	require.True(t, err == nil || os.IsNotExist(err))

	text = append(text, line+"\n"...)
	require.NoError(t, os.WriteFile(file, text, 0o600))

	return string(text)
}

// testBadBox: what is wrong is seen at the one box, by its requests alone, and goes back there. All others keep the version before, and so does the
// next environment. It returns what became of Bake.
func testBadBox(
	t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string, wrong, found string,
) *codepipeline.Result {
	t.Helper()

	before, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)

	red, err := e.Retry(t.Context(), version(t, e, first, settings, "src/api/api.go", serves, wrong), "Deploy-gamma")
	require.ErrorIs(t, err, codepipeline.ErrRed)
	assert.Equal(t, []string{
		"Source/Source", "Deploy-gamma/DeployECR", "Deploy-gamma/DeployApp-gamma", "Deploy-gamma/UpdateECSService-gamma-api-onebox", "Deploy-gamma/Bake-gamma",
	}, actionsOf(red), "the others get a version that is bad at one box")

	bake := red.Result("Bake-gamma")
	require.NotNil(t, bake)
	require.Error(t, bake.Err)
	assert.Regexp(t, "bake: "+found, logOf(t, bake))
	assert.Contains(t, logOf(t, bake), "deploy-image: api-onebox of app-gamma goes from ")

	log, err := os.ReadFile(filepath.Join(e.Logs(), gamma, "load-balancer-api.log"))
	require.NoError(t, err)
	assert.NotRegexp(t, ` load~? api/\S+ \S+ 500 `, string(log), "the others have answered with 500")

	for env, count := range map[string]int{gamma: 3, rehearsal.Env: 2} {
		tasks := tasksOf(t, e, env)
		require.Len(t, tasks, count, env)

		for _, task := range tasks {
			assert.Equal(t, before, task.Config.Image, env)
		}
	}

	return bake
}

// testRefused: a change of a variable goes to gamma with the image that was pushed, is found to be good at the one box, and gets no further than a
// person lets it.
func testRefused(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string) *codepipeline.Execution {
	t.Helper()

	line := `environment = { LOG_LEVEL = "debug" }`
	settings[appSettings] = func(string) string { return addLine(t, e, appSettings, line) }
	settings[gammaSettings] = func(string) string { return addLine(t, e, gammaSettings, line) }

	changed := codepipeline.NewExecution(first.Commit, first)
	changed.Commit = alter(t, e, settings)

	refused, err := e.Retry(t.Context(), changed, "Deploy-gamma")
	require.ErrorIs(t, err, codepipeline.ErrRed)
	assert.Equal(t, []string{
		"Source/Source", "Deploy-gamma/DeployECR", "Deploy-gamma/DeployApp-gamma", "Deploy-gamma/UpdateECSService-gamma-api-onebox", "Deploy-gamma/Bake-gamma",
		"Deploy-gamma/UpdateECSService-gamma", "Deploy-gamma/Accept-gamma", "Deploy-gamma/Verify-gamma", "Approval/Approval",
	}, actionsOf(refused))
	require.ErrorContains(t, refused.Result("Approval").Err, "rejected")
	assert.Regexp(t, `^1/1 on [0-9a-f]{7}, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, refused.Result("UpdateECSService-gamma-api-onebox").Detail)
	assert.Regexp(t, `bake: 0 of \d{3,} requests failed, 0 of the others' \d{4,}; p90 [\d.]+ s, of the others [\d.]+ s; p99 [\d.]+ s, of the others [\d.]+ s`, logOf(t, refused.Result("Bake-gamma")))
	assert.Regexp(t, `^2/2 on [0-9a-f]{7}, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, refused.Result("UpdateECSService-gamma").Detail)

	requireTasks(t, e, gamma, 3, first.Variables["DeployECR.PUSHED_IMAGE"], "LOG_LEVEL=debug")

	for _, task := range tasksOf(t, e, rehearsal.Env) {
		assert.NotContains(t, task.Config.Env, "LOG_LEVEL=debug", "what was refused is there")
	}

	return refused
}

// testApproved: what was refused is approved after all. Nothing is built, pushed or brought to gamma again.
func testApproved(t *testing.T, e *rehearsal.Environment, refused *codepipeline.Execution) {
	t.Helper()
	require.NotNil(t, refused)

	before := registryContent(t, e)

	shipped, err := e.Retry(t.Context(), refused, "Approval")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"Source/Source", "Approval/Approval", "Deploy/DeployApp", "Deploy/UpdateECSService", "Deploy/Accept", "Deploy/Verify",
	}, actionsOf(shipped))
	assert.Equal(t, before, registryContent(t, e), "the content of the registry changed")
	assert.Regexp(t, "^plan: 1 to add, 1 to change, 1 to destroy  "+regexp.QuoteMeta(e.URL())+"  …@sha256:[0-9a-f]{12}…$", shipped.Result("DeployApp").Detail)
	assert.Regexp(t, `module\.api\.aws_ecs_task_definition\.this: Creation complete`, logOf(t, shipped.Result("DeployApp")))
	assert.Regexp(t, `^2/2 on [0-9a-f]{7}, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, shipped.Result("UpdateECSService").Detail)
	requireTasks(t, e, rehearsal.Env, 2, refused.Variables["DeployECR.PUSHED_IMAGE"], "LOG_LEVEL=debug")
}

// requireTasks checks that all tasks of an environment run an image with a variable.
func requireTasks(t *testing.T, e *rehearsal.Environment, env string, count int, image, variable string) {
	t.Helper()

	tasks := tasksOf(t, e, env)
	require.Len(t, tasks, count)

	for _, task := range tasks {
		assert.Contains(t, task.Config.Env, variable)
		assert.Equal(t, image, task.Config.Image)
	}

	now, err := e.Running(t.Context(), env)
	require.NoError(t, err)
	assert.Equal(t, image, now)
}

// version is one with another text in a file. It has passed Test and Build, as if nothing were wrong with it.
func version(
	t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, settings map[string]func(string) string, file, from, to string,
) *codepipeline.Execution {
	t.Helper()

	clone := secured(t)
	if len(settings) > 0 {
		change(t, clone, "Put gamma in front", settings)
	}

	change(t, clone, "Break it", map[string]func(string) string{file: func(text string) string { return strings.Replace(text, from, to, 1) }})

	engine, image := testkit.Docker(t), testkit.Unique()
	engine.RemoveAfter(t, "image", image)
	testkit.Run(t, clone, "env", "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "make", "image", "IMAGE="+image)

	commit, err := e.Take(t.Context(), clone, "HEAD")
	require.NoError(t, err)

	return built(t, e, first, image, commit)
}
