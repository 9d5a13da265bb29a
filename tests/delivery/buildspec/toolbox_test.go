package pipeline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Every tool that .tools pins is in the toolbox, in the pinned version: nothing is built or installed where the pipeline works.
func TestToolbox(t *testing.T) {
	t.Parallel()

	engine := testkit.Docker(t)
	root := testkit.Clone(t)
	inside := func(command string) string {
		return engine.Run(t, "run", "--rm", "--network", "none", "--volume", root+":"+root+":ro", "--workdir", root, engine.Toolbox(t), "bash", "-c", command+" 2>&1")
	}

	pins, err := filepath.Glob(filepath.Join(root, ".tools", "*.mod"))
	require.NoError(t, err)

	var names []string

	for _, pin := range pins {
		content, err := os.ReadFile(pin)
		require.NoError(t, err)

		if strings.Contains(string(content), "\ntool ") {
			names = append(names, strings.TrimSuffix(filepath.Base(pin), ".mod"))
		}
	}

	require.NotEmpty(t, names)

	paths := strings.Split(inside("for name in "+strings.Join(names, " ")+"; do .tools/go-tool --path $name; done"), "\n")
	require.Len(t, paths, len(names), "%v", paths)

	for i, name := range names {
		assert.Regexp(t, `^/opt/toolbox/go/`+name+`-[0-9a-f]{12}$`, paths[i])
	}

	assert.Equal(t, "make: Nothing to be done for 'python-tools'.", inside("make python-tools"))
	assert.Empty(t, inside("cp -r buildspec .infra /tmp && /tmp/buildspec/install-tools"), "Go or Terraform has another version")
	assert.Contains(t, inside("terraform version && aws --version && chromium-headless-shell --version && haproxy -v && git --version"), "aws-cli/")
	assert.Contains(t, inside("cp -r .infra /tmp && terraform -chdir=/tmp/.infra/app init -backend=false -lockfile=readonly"), "has been successfully initialized")
}

// The bill of materials names each tool, what it is made of, and the system's packages.
func TestToolboxSBOM(t *testing.T) {
	t.Parallel()

	engine := testkit.Docker(t)
	printed := testkit.Run(t, testkit.Root(t), filepath.Join(testkit.Root(t), ".tools", "toolbox-sbom"), engine.Toolbox(t))

	for _, part := range []string{
		"pkg:deb/debian/chromium-headless-shell@", "pkg:pypi/checkov@", "pkg:pypi/moto@5.2.5", "pkg:golang/github.com/golangci/golangci-lint/v2@v2.",
		"pkg:golang/github.com/hashicorp/hcl/v2@", "pkg:golang/sigs.k8s.io/yaml@",
	} {
		assert.Contains(t, printed, part)
	}
}

// The name is that of what the toolbox is made from, and of nothing else.
func TestToolboxName(t *testing.T) {
	t.Parallel()

	clone := testkit.Clone(t)
	name := func() string { return strings.TrimSpace(testkit.Run(t, clone, ".tools/toolbox", "--name")) }
	before := name()

	assert.Regexp(t, `^clockmirror-toolbox:[0-9a-f]{16}$`, before)
	require.NoError(t, os.WriteFile(filepath.Join(clone, "src", "echo", "echo.go"), nil, 0o600))
	assert.Equal(t, before, name())

	for _, made := range []string{"go.sum", ".tools/checkov.txt", ".tools/helm.mod", ".infra/app/.terraform.lock.hcl", "buildspec/install-tools"} {
		add(t, filepath.Join(clone, made), "\n")

		after := name()
		assert.NotEqual(t, before, after, "another %s makes no other toolbox", made)
		before = after
	}
}

// A commit that changes pins before there is a new toolbox installs what is missing, and says so.
func TestOlderToolbox(t *testing.T) {
	t.Parallel()

	folder := copyScript(t, "buildspec/install-tools")
	older := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(older, "providers", "registry.terraform.io", "hashicorp", "aws", "5.99.0"), 0o750))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, ".infra", "app"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(folder, ".infra", "app", ".terraform.lock.hcl"),
		[]byte("provider \"registry.terraform.io/hashicorp/aws\" {\n  version = \"5.100.0\"\n}\n"), 0o600))
	script(t, filepath.Join(older, "terraform"), "echo Terraform v1.11.4")

	environ := []string{"PATH=" + older + ":/usr/bin:/bin", "TOOLBOX=" + older}
	_, complaint, err := runIn(t, folder, environ, "buildspec/install-tools", "terraform")
	require.NoError(t, err, complaint)
	assert.Equal(t, "install-tools: the toolbox does not have the provider hashicorp/aws 5.100.0: Terraform downloads it", complaint)

	settings, err := os.ReadFile(filepath.Join(older, "terraform.rc"))
	require.NoError(t, err)
	assert.NotContains(t, string(settings), "exclude")

	_, complaint, err = runIn(t, testkit.Root(t), append(os.Environ(), "TOOLBOX="+older), ".tools/go-tool", "gofumpt", "-version")
	require.NoError(t, err, complaint)
	assert.Contains(t, complaint, "go-tool: the toolbox does not have this version of gofumpt: Go builds it")
}

// A privileged build in an image of one's own has no engine until it starts one; an engine that is there is left alone.
func TestStartDocker(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct{ docker, dockerd, said, want string }{
		"an engine that answers": {"exit 0", "touch started", "", "no"},
		"no engine":              {"test -e started", "touch started", "", "yes"},
		"one that does not come": {"exit 1", "echo no space left; touch started", "start-docker: the engine does not answer after 30 s\nno space left", "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			folder := copyScript(t, "buildspec/start-docker")
			script(t, filepath.Join(folder, "docker"), test.docker)
			script(t, filepath.Join(folder, "dockerd"), test.dockerd)
			script(t, filepath.Join(folder, "sleep"), "exec /bin/sleep 0.01")

			_, complaint, err := runIn(t, folder, []string{"PATH=" + folder + ":/usr/bin:/bin", "TOOLBOX="}, "buildspec/start-docker")
			assert.Equal(t, test.said == "", err == nil, complaint)
			assert.Equal(t, test.said, complaint)

			_, err = os.Stat(filepath.Join(folder, "started"))
			assert.Equal(t, test.want == "yes", err == nil)
		})
	}
}

// What the toolbox has compiled goes to an engine that has no cache: a new one, as on AWS, or one that is not to use it.
func TestStartDockerCompiled(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		environ []string
		want    bool
	}{
		"a new engine":          {nil, true},
		"a rehearsal, cold":     {[]string{"DOCKER_BUILD_FLAGS=--no-cache --build-arg A=b"}, true},
		"a rehearsal":           {[]string{"DOCKER_BUILD_FLAGS="}, false},
		"CodeBuild's own image": {[]string{"TOOLBOX="}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			folder := copyScript(t, "buildspec/start-docker")
			script(t, filepath.Join(folder, "docker"), "exit 0")

			compiled := filepath.Join("cache", "go-build", "00", "package-a")
			require.NoError(t, os.MkdirAll(filepath.Join(folder, filepath.Dir(compiled)), 0o750))
			script(t, filepath.Join(folder, compiled), "")
			script(t, filepath.Join(folder, filepath.Dir(compiled), "other-a"), "")
			require.NoError(t, os.WriteFile(filepath.Join(folder, "cache", "image"), []byte("./00/package-a\n"), 0o600))

			environ := append([]string{"PATH=" + folder + ":/usr/bin:/bin", "TOOLBOX=" + folder}, test.environ...)
			_, complaint, err := runIn(t, folder, environ, "buildspec/start-docker")
			require.NoError(t, err, complaint)

			given, _ := filepath.Glob(filepath.Join(folder, ".compiled", "*", "*"))
			if test.want {
				assert.Equal(t, []string{filepath.Join(folder, ".compiled", "00", "package-a")}, given)
			} else {
				assert.Empty(t, given)
			}
		})
	}
}

// A toolbox is pushed under the tag that .infra/cicd/toolbox looks for, unless something in it has a critical vulnerability.
func TestPushToolbox(t *testing.T) {
	t.Parallel()

	engine := testkit.Docker(t)
	host := testkit.Registry(t)
	clone := testkit.Clone(t)

	// Another toolbox, which Docker has: a small one.
	add(t, filepath.Join(clone, "go.sum"), "# "+testkit.Unique()+"\n")

	name := strings.TrimSpace(testkit.Run(t, clone, ".tools/toolbox", "--name"))
	_, id := save(t, engine, "small")
	engine.RemoveAfter(t, "image", name)
	engine.Run(t, "tag", id, name)

	push := func(component string) (string, error) {
		script(t, filepath.Join(clone, ".tools", "toolbox-sbom"), "echo '"+`{"bomFormat":"CycloneDX","components":[`+component+"]}'")

		_, complaint, err := runIn(t, clone, []string{"OSV=" + startOSV(t), "CODEBUILD_BUILD_ID=1"}, ".infra/cicd/push-toolbox", host+"/cicd-test-toolbox")

		return complaint, err
	}

	complaint, err := push(`{"name":"gap","version":"2.0","purl":"pkg:pypi/gap@2.0"}`)
	require.ErrorContains(t, err, "exit status 1")
	assert.Equal(t, "known-vulnerabilities: gap 2.0 has the vulnerability GHSA-dddd-eeee-ffff: take a version without it, or except it in .tools/exceptions.json", complaint)
	assert.Empty(t, tagsOf(t, host+"/cicd-test-toolbox"))

	complaint, err = push(`{"name":"example.com/hole","version":"v1.0.0","purl":"pkg:golang/example.com/hole@v1.0.0"}`)
	require.NoError(t, err, complaint)

	_, tag, _ := strings.Cut(name, ":")
	assert.Equal(t, []string{tag}, imageTags(tagsOf(t, host+"/cicd-test-toolbox")))
	assert.Contains(t, testkit.Run(t, clone, testkit.Tool(t, "regctl"), "--host", "reg="+host+",tls=disabled", "artifact", "list", host+"/cicd-test-toolbox:"+tag),
		"application/vnd.cyclonedx+json", "the bill of materials is not beside the toolbox")
	engine.Run(t, "image", "rm", host+"/cicd-test-toolbox:"+tag)
}

// add appends to a file.
func add(t *testing.T, path, text string) {
	t.Helper()

	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)

	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
