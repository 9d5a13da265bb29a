package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A commit goes through the pipeline, once more, and broken in the ways that a pipeline is there for.
func TestRehearsal(t *testing.T) {
	requireMachine(t)

	// Outlives the test's context, to be stopped in order.
	e, err := Start(context.WithoutCancel(t.Context()), Options{Root: testkit.Root(t), Progress: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { requireStopped(t, e) })

	commit, err := e.Take(t.Context(), testkit.Root(t), "HEAD")
	require.NoError(t, err)

	first, err := e.Run(t.Context(), commit)
	require.NoError(t, err)
	testGreen(t, e, first)

	t.Run("CodeBuild's rules", func(t *testing.T) { testCodeBuild(t, e, first) })
	t.Run("again", func(t *testing.T) { testAgain(t, e, first) })
	t.Run("an image that never gets ready", func(t *testing.T) { testNeverReady(t, e, first) })
	t.Run("a role that lacks an action", func(t *testing.T) { testDenied(t, e, first) })
	t.Run("format and unit test", func(t *testing.T) { testBrokenCode(t, e) })
	t.Run("a setting", func(t *testing.T) { testSetting(t, e, first) }) // last, as the plans below are made with it

	unsettled, err := e.Settled(t.Context())
	require.NoError(t, err)
	assert.Empty(t, unsettled, "a plan is not empty")
}

// requireMachine ends the test where the machine lacks what a rehearsal needs.
func requireMachine(t *testing.T) {
	t.Helper()

	if _, err := look(t.Context(), testkit.Root(t)); err != nil {
		testkit.Missing(t, "what a rehearsal needs", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

// testGreen: what the pipeline says it did is done.
func testGreen(t *testing.T, e *Environment, run *Execution) {
	t.Helper()

	names := make([]string, 0, len(run.Results))
	for _, result := range run.Results {
		names = append(names, result.Stage+"/"+result.Action)
	}

	assert.Equal(t, []string{
		"Source/Source", "Test/StaticAnalysis", "Test/UnitTest", "Build/Build",
		"Deploy/DeployECR", "Deploy/DeployApp", "Deploy/UpdateECSService", "Deploy/Verify",
	}, names)
	assert.Regexp(t, `^coverage \d+ %$`, run.Result("UnitTest").Detail)
	assert.Regexp(t, `^\d+\.\d MB  sha256:[0-9a-f]{12}…$`, run.Result("Build").Detail)
	assert.Regexp(t, `^2/2 on `+run.Commit[:7]+`, 0 of \d{3,} requests, 0 of \d+ slow ones failed$`, run.Result("UpdateECSService").Detail)

	// The digest in the registry is that of the build.
	pushed := run.Variables["DeployECR.PUSHED_IMAGE"]
	running, err := e.Running(t.Context())
	require.NoError(t, err)
	assert.Equal(t, pushed, running)
	assert.Equal(t, run.Variables["Build.IMAGE_ID"], configurationOf(t, pushed), "another image than the built one is in the registry")

	assert.Equal(t, e.URL(), run.Variables["DeployApp.ALB_URL"])
	assert.JSONEq(t, `{"mirror_time":"12:22","actual_time":"11:38"}`, get(t, "http://"+e.Address()+"/clock?mirror_time=12:22"))

	var health struct {
		Revision string `json:"revision"`
	}

	require.NoError(t, json.Unmarshal([]byte(get(t, "http://"+e.Address()+"/health")), &health))
	assert.Equal(t, run.Commit, health.Revision)

	// Containers as the task definition wants them.
	tasks := tasksOf(t, e)
	require.Len(t, tasks, 2)

	for _, task := range tasks {
		assert.Equal(t, pushed, task.Config.Image)
		assert.Equal(t, "65532", task.Config.User)
		assert.Equal(t, int64(512<<20), task.HostConfig.Memory)
		assert.Equal(t, int64(250_000_000), task.HostConfig.NanoCPUs)
		assert.True(t, task.HostConfig.ReadonlyRootfs)
		assert.Equal(t, []string{"ALL"}, task.HostConfig.CapDrop)
	}

	unsettled, err := e.Settled(t.Context())
	require.NoError(t, err)
	assert.Empty(t, unsettled, "a plan is not empty")
}

// testAgain: the same commit is not pushed twice, and nothing of the infrastructure is replaced.
func testAgain(t *testing.T, e *Environment, first *Execution) {
	before := registryContent(t, e)

	again, err := e.Retry(t.Context(), first, "Build")
	require.NoError(t, err)
	assert.Equal(t, before, registryContent(t, e), "the registry holds something else")
	assert.Equal(t, first.Variables["DeployECR.PUSHED_IMAGE"], again.Variables["DeployECR.PUSHED_IMAGE"])

	printed := logOf(t, again.Result("DeployECR"))
	assert.Contains(t, printed, "is there already")
	assert.NotContains(t, printed, "push-image: pushed")
	assert.Equal(t, "plan: no changes  "+e.URL(), again.Result("DeployApp").Detail)
}

// testSetting: a change of a variable ships by DeployApp, with the image that runs.
func testSetting(t *testing.T, e *Environment, first *Execution) {
	commit := alter(t, e, map[string]func(string) string{
		".infra/app/env/" + Env + ".tfvars": func(string) string { return "environment = { LOG_LEVEL = \"debug\" }\n" },
	})

	running, err := e.Running(t.Context())
	require.NoError(t, err)

	changed := first.clone()
	changed.Commit = commit
	_, err = e.source(t.Context(), changed, e.pipeline.Stages[0].Actions[0])
	require.NoError(t, err)

	shipped, err := e.Retry(t.Context(), changed, "Deploy")
	require.NoError(t, err)
	assert.Equal(t, "plan: 1 to add, 1 to change, 1 to destroy  "+e.URL(), shipped.Result("DeployApp").Detail)
	assert.Regexp(t, `module\.api\.aws_ecs_task_definition\.this: Creation complete`, logOf(t, shipped.Result("DeployApp")))

	now, err := e.Running(t.Context())
	require.NoError(t, err)
	assert.Equal(t, running, now)

	for _, task := range tasksOf(t, e) {
		assert.Contains(t, task.Config.Env, "LOG_LEVEL=debug")
		assert.Equal(t, running, task.Config.Image)
	}

	// Plans are made with it from now on.
	file := filepath.Join(e.stacks.source, ".infra", "app", "env", Env+".tfvars")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), folderMode))
	require.NoError(t, os.WriteFile(file, []byte("environment = { LOG_LEVEL = \"debug\" }\n"), fileMode))
}

// testNeverReady: an image that starts and never gets ready is rolled back, and nobody outside notices.
func testNeverReady(t *testing.T, e *Environment, first *Execution) {
	before, err := e.Running(t.Context())
	require.NoError(t, err)

	broken := imageName + "-never-ready:" + e.id
	buildNeverReady(t, e, broken)
	t.Cleanup(func() { _, _ = e.engine.Run(context.WithoutCancel(t.Context()), "image", "rm", "--force", broken) })

	archive := filepath.Join(t.TempDir(), "image.tar")
	_, err = e.engine.Run(t.Context(), "save", "--output", archive, broken)
	require.NoError(t, err)

	id, err := exec.CommandContext(t.Context(), filepath.Join(testkit.Root(t), ".infra", "ecr", "image-id"), archive).Output()
	require.NoError(t, err)

	content, err := os.ReadFile(archive)
	require.NoError(t, err)

	role, err := e.admin.assumeFor(t.Context(), codeBuild, e.pipeline.Stages[2].Actions[0].Project.RoleARN)
	require.NoError(t, err)

	key, err := e.store(t.Context(), role, "image", fstest.MapFS{"image.tar": {Data: content}, "sbom.cdx.json": {Data: []byte("{}")}})
	require.NoError(t, err)

	// A commit of its own: the tag of the first is taken.
	never := first.clone()
	never.Commit = alter(t, e, map[string]func(string) string{"CHANGELOG.md": func(text string) string { return text + "\n" }})
	never.Variables["Build.IMAGE_ID"] = strings.TrimSpace(string(id))
	never.Artifacts["image"] = key
	_, err = e.source(t.Context(), never, e.pipeline.Stages[0].Actions[0])
	require.NoError(t, err)

	red, err := e.Retry(t.Context(), never, "Deploy")
	require.ErrorIs(t, err, ErrRed)

	update := red.Result("UpdateECSService")
	require.NotNil(t, update)
	assert.Regexp(t, `the deployment of \S+ was rolled back to \S+: \S+: the load balancer's health checks fail`, update.Err.Error())
	assert.Regexp(t, `^0 of \d{3,} requests, 0 of \d+ slow ones failed$`, update.Detail, "the old version stopped answering")
	assert.Nil(t, red.Result("Verify"), "the pipeline goes on after a red action")
	assert.Contains(t, lastLines(t, update), "was rolled back", "the reason is not in the last lines")

	now, err := e.Running(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before, now)

	// The action does not wait for the roll-back to come to its end.
	eventually(t, time.Minute, func() error {
		for _, task := range tasksOf(t, e) {
			if task.Config.Image != before {
				return fmt.Errorf("a task still runs %s", task.Config.Image)
			}
		}

		return nil
	})
	assert.Len(t, tasksOf(t, e), 2)
}

// buildNeverReady makes an image that starts, finds itself healthy, and tells the load balancer that it is not ready.
func buildNeverReady(t *testing.T, e *Environment, name string) {
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
		require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(text), fileMode))
	}

	build := exec.CommandContext(t.Context(), "go", "build", "-o", "never", ".")

	build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))

	_, err = e.engine.Run(t.Context(), "build", "--quiet", "--tag", name, folder)
	require.NoError(t, err)
}

// testDenied: a role that lacks one action is denied it, by name.
func testDenied(t *testing.T, e *Environment, first *Execution) {
	const action = `"ecr:GetLifecyclePolicy", `

	file := filepath.Join(e.stacks.source, ".infra", "cicd", "permissions_deploy_ecr.tf")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), action)

	apply := func(text []byte) {
		require.NoError(t, os.WriteFile(file, text, fileMode))

		_, err := e.stacks.apply(t.Context(), "cicd", nil)
		require.NoError(t, err)
	}

	apply([]byte(strings.Replace(string(content), action, "", 1)))

	red, err := e.Retry(t.Context(), first, "Deploy")
	require.ErrorIs(t, err, ErrRed)
	require.Error(t, red.Result("DeployECR").Err)
	assert.Nil(t, red.Result("DeployApp"), "the pipeline goes on after a red action")
	assert.Contains(t, lastLines(t, red.Result("DeployECR")), "is not authorized to perform: ecr:GetLifecyclePolicy")

	apply(content)
}

// testBrokenCode: a Terraform file out of format and a failing unit test each stop their action.
func testBrokenCode(t *testing.T, e *Environment) {
	commit := alter(t, e, map[string]func(string) string{
		".infra/app/outputs.tf": func(text string) string {
			return strings.Replace(text, `  description = "URL of the service`, `      description = "URL of the service`, 1)
		},
		"src/clock/broken_test.go": func(string) string {
			return "package clock_test\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) {\n\tt.Parallel()\n\tt.Fatal(\"broken on purpose\")\n}\n"
		},
	})

	red, err := e.Run(t.Context(), commit)
	require.ErrorIs(t, err, ErrRed)
	assert.Len(t, red.Results, 3, "the pipeline goes on after a red stage")

	for action, want := range map[string]string{
		"StaticAnalysis": "outputs.tf",
		"UnitTest":       "TestBroken",
	} {
		require.Error(t, red.Result(action).Err, action)
		assert.Contains(t, lastLines(t, red.Result(action)), want)
	}
}

// alter makes a commit on top of HEAD, without touching the checkout, and brings it into the world.
func alter(t *testing.T, e *Environment, files map[string]func(string) string) string {
	t.Helper()

	clone := t.TempDir()
	git := func(arguments ...string) {
		command := exec.CommandContext(t.Context(), "git", append([]string{
			"-c", "safe.directory=*", "-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.com", "-C", clone,
		}, arguments...)...)

		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
	}

	git("clone", "--quiet", "--shared", testkit.Root(t), ".")

	for name, change := range files {
		path := filepath.Join(clone, name)
		content, err := os.ReadFile(path)
		require.True(t, err == nil || os.IsNotExist(err))

		altered := change(string(content))
		require.NotEqual(t, string(content), altered, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), folderMode))
		require.NoError(t, os.WriteFile(path, []byte(altered), fileMode))
	}

	git("add", "--all", "--force")
	git("commit", "--quiet", "--message", "Break it")

	commit, err := e.Take(t.Context(), clone, "HEAD")
	require.NoError(t, err)

	return commit
}

// inspected is what the tests look at in a container.
type inspected struct {
	Config struct {
		Image, User string
		Env         []string
	}
	HostConfig struct {
		Memory, NanoCPUs int64 //nolint:tagliatelle // Docker's names
		ReadonlyRootfs   bool
		CapDrop          []string
	}
}

// tasksOf are the service's containers.
func tasksOf(t *testing.T, e *Environment) []inspected {
	t.Helper()

	names, err := e.engine.Run(t.Context(), "ps", "--quiet", "--filter", "label="+label+".task="+e.id)
	require.NoError(t, err)

	text, err := e.engine.Run(t.Context(), append([]string{"inspect"}, strings.Fields(names)...)...)
	require.NoError(t, err)

	var found []inspected

	require.NoError(t, json.Unmarshal([]byte(text), &found))

	return found
}

// configurationOf is the checksum of the configuration of an image in the registry: what Docker calls its id.
func configurationOf(t *testing.T, image string) string {
	t.Helper()

	host, rest, _ := strings.Cut(image, "/")
	name, digest, _ := strings.Cut(rest, "@")

	var manifest struct {
		Config struct {
			Digest string `json:"digest"`
		} `json:"config"`
	}

	require.NoError(t, json.Unmarshal([]byte(get(t, "http://"+host+"/v2/"+name+"/manifests/"+digest)), &manifest))

	return manifest.Config.Digest
}

// registryContent is all that the registry holds, by file and time.
func registryContent(t *testing.T, e *Environment) []string {
	t.Helper()

	var found []string

	require.NoError(t, filepath.WalkDir(filepath.Join(e.folder, "registry", "docker"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.Contains(path, "_uploads") {
			info, infoErr := entry.Info()
			require.NoError(t, infoErr)

			found = append(found, path+" "+info.ModTime().String())
		}

		return err
	}))
	require.NotEmpty(t, found)

	return found
}

func logOf(t *testing.T, result *Result) string {
	t.Helper()
	require.NotNil(t, result)

	content, err := os.ReadFile(result.Log)
	require.NoError(t, err)

	return string(content)
}

// lastLines is what people see of an action that failed.
func lastLines(t *testing.T, result *Result) string {
	t.Helper()

	return tail(logOf(t, result))
}

func get(t *testing.T, url string) string {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, */*")

	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)

	defer response.Body.Close()

	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))

	return string(body)
}

// requireStopped stops a world; nothing of it runs any more.
func requireStopped(t *testing.T, e *Environment) {
	t.Helper()
	require.NoError(t, e.Stop(t.Context()))
	requireNothingLeft(t, e.options.Root, e.id)
}

// requireNothingLeft: no container, no process and no folder of a world.
func requireNothingLeft(t *testing.T, root, id string) {
	t.Helper()

	containers, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "ps", "--all", "--format", "{{.Names}} {{.Image}} {{.Labels}}").Output()
	require.NoError(t, err)
	assert.NotContains(t, string(containers), id)

	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)

	for _, process := range processes {
		if content, err := os.ReadFile(process); err == nil {
			assert.NotContains(t, string(content), id, "a process goes on")
		}
	}

	folder := filepath.Join(root, ".build", "rehearsal", "run-"+id)
	assert.Empty(t, proc.In(folder), "a process goes on")
	assert.NoDirExists(t, folder)
}

// Ctrl-C at any point leaves nothing running.
func TestInterrupt(t *testing.T) {
	requireMachine(t)

	for _, line := range []string{"setting up", "Source "} {
		t.Run("after "+line, func(t *testing.T) {
			var printed testkit.Buffer

			command := exec.CommandContext(t.Context(), "make", "rehearse")
			command.Dir, command.Stdout, command.Stderr = testkit.Root(t), &printed, &printed
			command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

			require.NoError(t, command.Start())
			eventually(t, 5*time.Minute, func() error {
				if !strings.Contains(printed.String(), line) {
					return fmt.Errorf("it did not come as far as %q: %s", line, printed.String())
				}

				return nil
			})

			// As a terminal does: to all of the command.
			require.NoError(t, syscall.Kill(-command.Process.Pid, syscall.SIGINT))
			require.Error(t, command.Wait())
			assert.Contains(t, printed.String(), "interrupted; nothing runs any more")

			id := logsLine.FindStringSubmatch(printed.String())
			require.NotNil(t, id, printed.String())
			requireNothingLeft(t, testkit.Root(t), id[1])
		})
	}
}

// logsLine tells where logs are, in a folder that is named after the time and the world.
var logsLine = regexp.MustCompile(`logs are in \S+/logs/\d+-\d+-(\S+)`)

// eventually calls try until it returns nil, and fails the test when that takes too long.
func eventually(t *testing.T, patience time.Duration, try func() error) {
	t.Helper()

	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("it takes too long"))
	defer cancel()

	for {
		err := try()
		if err == nil {
			return
		}

		select {
		case <-ctx.Done():
			require.NoError(t, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// What is missing is named, all at once, with how to get it.
func TestMissing(t *testing.T) {
	git, err := exec.LookPath("git")
	require.NoError(t, err)

	bin := t.TempDir()
	require.NoError(t, os.Symlink(git, filepath.Join(bin, "git")))
	t.Setenv("PATH", bin)

	_, err = look(t.Context(), testkit.Root(t))
	require.Error(t, err)

	lines := strings.Split(err.Error(), "\n")
	assert.Equal(t, "docker is missing: install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install", lines[0])
	assert.Contains(t, lines, "terraform is missing: see https://developer.hashicorp.com/terraform/install")
	assert.Contains(t, lines, "python3 is missing: install Python 3.10 or newer")
}
