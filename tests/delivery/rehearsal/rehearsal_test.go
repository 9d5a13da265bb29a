package rehearsal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

// A commit goes through the pipeline, then again, then broken in several ways.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	rehearsaltest.Machine(t)

	repository := secured(t)
	e := start(t, rehearsal.Options{Repository: repository})

	commit, err := e.Take(t.Context(), repository, "HEAD")
	require.NoError(t, err)

	first, err := e.Run(t.Context(), commit, codepipeline.Part{})
	require.NoError(t, err)
	testGreen(t, e, first)

	t.Run("again", func(t *testing.T) { testAgain(t, e, first) })
	t.Run("a page that does not work", func(t *testing.T) { testBrokenPage(t, e, first) })
	t.Run("an image that never gets ready", func(t *testing.T) { testNeverReady(t, e, first) })

	// Builds that deploy nothing run side by side: no requests are measured meanwhile.
	probed, broken := probeCommit(t, e), brokenCommit(t, e)

	t.Run("builds", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"CodeBuild's rules":    func(t *testing.T) { testCodeBuild(t, e, first, probed) },
			"format and unit test": func(t *testing.T) { testBrokenCode(t, e, broken) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})

	t.Run("a role that lacks an action", func(t *testing.T) { testDenied(t, e, first) })
	requireSettled(t, e)
}

// testGreen: the pipeline did what it reports.
func testGreen(t *testing.T, e *rehearsal.Environment, run *codepipeline.Execution) {
	t.Helper()

	assert.Equal(t, []string{
		"Source/Source", "Test/StaticAnalysis", "Test/UnitTest", "Build/Build",
		"Deploy/DeployECR", "Deploy/DeployApp", "Deploy/UpdateECSService", "Deploy/Accept", "Deploy/Verify",
	}, actionsOf(run))
	assert.Regexp(t, `^coverage \d+ %$`, run.Result("UnitTest").Detail)
	assert.Regexp(t, `^\d+\.\d MB  sha256:[0-9a-f]{12}…$`, run.Result("Build").Detail)
	assert.Regexp(t, `^2/2 on `+run.Commit[:7]+`, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, run.Result("UpdateECSService").Detail)

	// The digest in the registry is that of the build.
	pushed := run.Variables["DeployECR.PUSHED_IMAGE"]
	running, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)
	assert.Equal(t, pushed, running)
	assert.Equal(t, run.Variables["Build.IMAGE_ID"], configurationOf(t, pushed), "the image in the registry is not the one that was built")

	assert.Equal(t, "https://"+domain, run.Variables["DeployApp.ALB_URL"])
	assert.Equal(t, e.URL(), run.Variables["DeployApp.ALB_URL"])
	assert.JSONEq(t, `{"mirror_time":"12:22","actual_time":"11:38"}`, get(t, e, "/clock?mirror_time=12:22"))

	var health struct {
		Revision string `json:"revision"`
	}

	require.NoError(t, json.Unmarshal([]byte(get(t, e, "/health")), &health))
	assert.Equal(t, run.Commit, health.Revision)

	// The containers are as the task definition says.
	tasks := tasksOf(t, e, rehearsal.Env)
	require.Len(t, tasks, 2)

	for _, task := range tasks {
		assert.Equal(t, pushed, task.Config.Image)
		assert.Equal(t, "65532", task.Config.User)
		assert.Equal(t, int64(512<<20), task.HostConfig.Memory)
		assert.Equal(t, int64(250_000_000), task.HostConfig.NanoCPUs)
		assert.True(t, task.HostConfig.ReadonlyRootfs)
		assert.Equal(t, []string{"ALL"}, task.HostConfig.CapDrop)
	}

	requireSettled(t, e)
}

// actionsOf are the actions that a run has come to, in their order, each with its stage.
func actionsOf(run *codepipeline.Execution) []string {
	names := make([]string, 0, len(run.Results))
	for _, result := range run.Results {
		names = append(names, result.Stage+"/"+result.Action)
	}

	return names
}

// testAgain: the same commit is the same image, and is not pushed twice. All that is new in the registry is the tag that keeps what runs.
func testAgain(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution) {
	before := registryContent(t, e)

	again, err := e.Run(t.Context(), first.Commit, codepipeline.Part{Only: "Build"})
	require.NoError(t, err)
	assert.Equal(t, first.Variables["Build.IMAGE_ID"], again.Variables["Build.IMAGE_ID"])

	var log bytes.Buffer

	pushes := e.Pipeline().Stages[3].Actions[0]
	require.Equal(t, "DeployECR", pushes.Name)

	_, err = e.Act(t.Context(), again, pushes, 1, &log)
	require.NoError(t, err, log.String())
	assert.Equal(t, before, registryContent(t, e), "the content of the registry changed")
	assert.Equal(t, first.Variables["DeployECR.PUSHED_IMAGE"], again.Variables["DeployECR.PUSHED_IMAGE"])
	assert.Contains(t, log.String(), "is there already")
	assert.NotContains(t, log.String(), "push-image: pushed")
}

// testBrokenPage: what only a browser sees, Accept sees. It takes the service back at once, and then the stage goes back to the last execution that
// succeeded, whose image is there already: nothing is pushed, and nothing of the infrastructure is replaced.
func testBrokenPage(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution) {
	before, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)

	red, err := e.Retry(t.Context(), version(t, e, first, nil, "src/api/docs.go", "connect-src 'self'", "connect-src 'none'"), "Deploy")
	require.ErrorIs(t, err, codepipeline.ErrRed)
	assert.Equal(t, []string{
		"Source/Source", "Deploy/DeployECR", "Deploy/DeployApp", "Deploy/UpdateECSService", "Deploy/Accept", "Deploy/Verify",
	}, actionsOf(red))
	assert.Regexp(t, `^2/2 on `+red.Commit[:7]+`, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, red.Result("UpdateECSService").Detail)
	require.Error(t, red.Result("Accept").Err)
	assert.Contains(t, logOf(t, red.Result("Accept")), "deploy-image: api of app-"+rehearsal.Env+" goes from ")
	assert.NotContains(t, red.Result("Verify").Detail, "requests", "requests failed while it was taken back")

	require.NotNil(t, red.RolledBack, "the stage is not rolled back")
	assert.Equal(t, first.Commit, red.RolledBack.Commit)
	require.NotNil(t, red.RolledBack.Result("Verify"), "the rollback did not finish")
	require.NoError(t, red.RolledBack.Result("Verify").Err)

	printed := logOf(t, red.RolledBack.Result("DeployECR"))
	assert.Contains(t, printed, "is there already")
	assert.NotContains(t, printed, "push-image: pushed")
	assert.Regexp(t, "^plan: no changes  "+regexp.QuoteMeta(e.URL())+"  …@sha256:[0-9a-f]{12}…$", red.RolledBack.Result("DeployApp").Detail)

	now, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)
	assert.Equal(t, before, now)
}

// testNeverReady: an image that starts and never gets ready is rolled back without a failed request.
func testNeverReady(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution) {
	before, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)

	engine := testkit.Docker(t)
	broken := testkit.Unique()
	buildNeverReady(t, engine, broken)
	engine.RemoveAfter(t, "image", broken)

	// A commit of its own, because the first one's tag exists already.
	never := built(t, e, first, broken, alter(t, e, map[string]func(string) string{"CHANGELOG.md": func(text string) string { return text + "\n" }}))

	red, err := e.Retry(t.Context(), never, "Deploy")
	require.ErrorIs(t, err, codepipeline.ErrRed)

	update := red.Result("UpdateECSService")
	require.NotNil(t, update)
	assert.Regexp(t, `the deployment of \S+ was rolled back to \S+: \S+: the load balancer's health checks fail`, update.Err.Error())
	assert.Regexp(t, `^0 of \d{3,} requests, 0 of \d+ slow ones failed$`, update.Detail, "the old version stopped answering")
	assert.Nil(t, red.Result("Verify"), "the pipeline goes on after a red action")
	assert.Contains(t, lastLines(t, update), "was rolled back", "the reason is not in the last lines")

	require.NotNil(t, red.RolledBack, "the stage is not rolled back")
	assert.Equal(t, first.Commit, red.RolledBack.Commit)
	require.NotNil(t, red.RolledBack.Result("Verify"), "the rollback did not finish")
	require.NoError(t, red.RolledBack.Result("Verify").Err)

	now, err := e.Running(t.Context(), rehearsal.Env)
	require.NoError(t, err)
	assert.Equal(t, before, now)

	// The action does not wait for the end of the roll-back.
	testkit.EventuallyWithin(t, time.Minute, func() error {
		for _, task := range tasksOf(t, e, rehearsal.Env) {
			if task.Config.Image != before {
				return fmt.Errorf("a task still runs %s", task.Config.Image)
			}
		}

		return nil
	})
	assert.Len(t, tasksOf(t, e, rehearsal.Env), 2)
}

// built is an execution of a commit that has passed Test and Build, which have left an image.
func built(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution, image, commit string) *codepipeline.Execution {
	t.Helper()

	archive := filepath.Join(t.TempDir(), "image.tar")
	testkit.Docker(t).Run(t, "save", "--output", archive, image)

	content, err := os.ReadFile(archive)
	require.NoError(t, err)

	key, err := e.PutArtifact(t.Context(), "image", fstest.MapFS{"image.tar": {Data: content}, "sbom.cdx.json": {Data: []byte("{}")}})
	require.NoError(t, err)

	execution := codepipeline.NewExecution(first.Commit, first)
	execution.Commit = commit
	execution.Variables["Build.IMAGE_ID"] = strings.TrimSpace(testkit.Run(t, testkit.Root(t), ".infra/ecr/image-id", archive))
	execution.Artifacts["image"] = key

	return execution
}

// buildNeverReady makes an image whose own health check passes, while the load balancer's fails.
func buildNeverReady(t *testing.T, engine *testkit.Engine, name string) {
	t.Helper()

	folder := t.TempDir()
	for file, text := range map[string]string{
		"main.go": `package main

import (
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		return // a health check
	}

	_ = http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
}
`,
		"go.mod":     "module never\n",
		"Dockerfile": "FROM scratch\nCOPY never /clockmirror\nENTRYPOINT [\"/clockmirror\"]\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600))
	}

	testkit.Run(t, folder, "env", "CGO_ENABLED=0", "go", "build", "-o", "never", ".")
	engine.Run(t, "build", "--quiet", "--tag", name, folder)
}

// testDenied: a role that lacks the permission for an action fails with the action's name.
func testDenied(t *testing.T, e *rehearsal.Environment, first *codepipeline.Execution) {
	const action = `"ecr:GetLifecyclePolicy", `

	file := filepath.Join(e.Checkout(), ".infra", "cicd", "permissions_deploy_ecr.tf")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), action)

	require.NoError(t, os.WriteFile(file, bytes.Replace(content, []byte(action), nil, 1), 0o600))
	require.NoError(t, e.Apply(t.Context(), "cicd", rehearsal.Env))

	red, err := e.Run(t.Context(), first.Commit, codepipeline.Part{From: "Deploy"}) // with what the first one has left
	require.ErrorIs(t, err, codepipeline.ErrRed)
	require.Error(t, red.Result("DeployECR").Err)
	assert.Nil(t, red.Result("DeployApp"), "the pipeline goes on after a red action")
	assert.Contains(t, lastLines(t, red.Result("DeployECR")), "is not authorized to perform: ecr:GetLifecyclePolicy")

	require.NoError(t, os.WriteFile(file, content, 0o600))
	require.NoError(t, e.Apply(t.Context(), "cicd", rehearsal.Env))
}

// brokenCommit has a Terraform file out of format and a unit test that fails.
func brokenCommit(t *testing.T, e *rehearsal.Environment) string {
	t.Helper()

	return alter(t, e, map[string]func(string) string{
		".infra/app/outputs.tf": func(text string) string {
			return strings.Replace(text, `  description = "URL of the service`, `      description = "URL of the service`, 1)
		},
		"src/echo/broken_test.go": func(string) string {
			return "package echo_test\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) {\n\tt.Parallel()\n\tt.Fatal(\"broken on purpose\")\n}\n"
		},
	})
}

// testBrokenCode: each of the two stops its action.
func testBrokenCode(t *testing.T, e *rehearsal.Environment, commit string) {
	run := codepipeline.NewExecution(commit, nil)
	run.Number = 200

	act := func(action codepipeline.Action) (string, error) {
		var log bytes.Buffer

		_, err := e.Act(t.Context(), run, action, 1, &log)
		lines := strings.Split(log.String(), "\n")

		return strings.Join(lines[max(0, len(lines)-shownLines):], "\n"), err
	}

	_, err := act(e.Pipeline().Stages[0].Actions[0])
	require.NoError(t, err)

	for _, action := range e.Pipeline().Stages[1].Actions {
		t.Run(action.Name, func(t *testing.T) {
			t.Parallel()

			log, err := act(action)
			require.Error(t, err)
			assert.Contains(t, log, map[string]string{"StaticAnalysis": "outputs.tf", "UnitTest": "TestBroken"}[action.Name])
		})
	}

	t.Cleanup(func() {
		assert.FileExists(t, filepath.Join(e.Logs(), "200-UnitTest-unit-tests", "unit-tests.xml"), "the report of what failed is lost")
	})
}
