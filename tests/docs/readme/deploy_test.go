package readme_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What the commands of the section have to print. A command that is not here has to succeed, and no more.
//
//nolint:gochecknoglobals // a table
var prints = map[string]string{
	"make bootstrap":             "Apply complete!",
	"make apply-ecr":             "Apply complete!",
	"make apply-app":             "Apply complete!",
	"make apply-cicd":            "toolbox: ECR's scan of its Debian packages: HIGH:1\n",
	"make plan-app":              "No changes.",
	"make verify-running":        "green: 1 image(s) run in app-prod",
	"make release":               "release: v1.2.3 is pushed; cicd-prod builds and delivers it",
	"make roll-back":             " is kept as deployed-",
	"make destroy-":              "Destroy complete!",
	"aws ecr get-login-password": "Login Succeeded",
	"docker push":                "digest: sha256:",
	"curl ":                      `{"mirror_time":"12:22","actual_time":"11:38"}`,
	"git push":                   "master -> master",
	"terraform -chdir":           "Destroy complete!",
}

// What happens elsewhere before a command: a person confirms the connection in AWS's console; a change was
// delivered by the pipeline; an older version was delivered.
//
//nolint:gochecknoglobals // a table
var meanwhile = map[string]string{
	"make apply-cicd": `curl --silent --fail --header 'X-Amz-Target: CodeConnections_20231201.UpdateConnectionStatus' ` +
		`--data "{\"ConnectionArn\": \"$CONNECTION_ARN\", \"ConnectionStatus\": \"AVAILABLE\"}" "$AWS_ENDPOINT_URL_CODECONNECTIONS"`,
	"make release": `awk '{ print } $0 == "## Unreleased" { print "\n- A change." }' CHANGELOG.md >changed && mv changed CHANGELOG.md && ` +
		`git commit --quiet --all --message "docs: a change" && git push --quiet origin HEAD:master && ` +
		`curl --silent --fail --header 'X-Amz-Target: Emulator.ReportExecution' ` +
		`--data "{\"pipeline\": \"cicd-prod\", \"summary\": {\"status\": \"Succeeded\", \"sourceRevisions\": [{\"revisionId\": \"$(git rev-parse HEAD)\"}]}}" ` +
		`"$AWS_ENDPOINT_URL_CODECONNECTIONS"`,
	"make roll-back": `aws ecr put-image --repository-name clockmirror --image-tag v1.2.2 --image-manifest ` +
		`'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"size":1,"digest":"sha256:` +
		`cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"},"layers":[]}'`,
}

// testDeploy types the section from its first line to its last in one shell, in a copy of the checkout, and says yes wherever
// it is asked. AWS is the emulator, with a real registry in place of ECR's, and the program where the load balancer would be.
func testDeploy(t *testing.T, commands []command) {
	t.Helper()

	for _, program := range []struct{ name, how string }{
		{"terraform", "https://developer.hashicorp.com/terraform/install"},
		{"curl", "apt-get install curl"},
		{"jq", "apt-get install jq"},
	} {
		testkit.Program(t, program.how, program.name)
	}

	docker := testkit.Docker(t)
	address := testkit.Registry(t)
	cloud := testkit.Emulator(t, "readme", "EMULATOR_REGISTRY="+address,
		"EMULATOR_LOAD_BALANCER="+strings.TrimPrefix(testkit.Start(t, testkit.Build(t, false)).URL, "http://"))

	tree, host := testkit.Clone(t), t.TempDir()
	testkit.Git(t, tree, "init", "--quiet", "--bare", host)
	testkit.Git(t, tree, "remote", "add", "origin", host)
	docker.RemoveAfter(t, "image", address+"/clockmirror:"+strings.TrimSpace(testkit.Git(t, tree, "rev-parse", "HEAD")))

	printed := typeIn(t, tree, append(testkit.Shell(t, cloud), testkit.Signatures(t, address, "cicd-prod")...), script(commands))

	for i, command := range commands {
		said, ran := printed[i]
		require.True(t, ran, "not reached: %s", command.text)

		for beginning, want := range prints {
			if strings.HasPrefix(command.text, beginning) {
				assert.Contains(t, said, want, command.text)
			}
		}
	}

	for beginning := range prints {
		assert.True(t, slices.ContainsFunc(commands, func(command command) bool { return strings.HasPrefix(command.text, beginning) }),
			"the README no longer has the command %s", beginning)
	}
}

// mark precedes what a command prints.
const mark = "-- command "

// script is the commands in their order, with what happens elsewhere between them. The first one that fails ends it.
func script(commands []command) string {
	var text strings.Builder

	text.WriteString("set -euo pipefail\n")

	for i, command := range commands {
		for beginning, elsewhere := range meanwhile {
			if strings.HasPrefix(command.text, beginning) {
				text.WriteString(elsewhere + "\n")
			}
		}

		fmt.Fprintf(&text, "echo; echo \"%s%d after $SECONDS s\"\n%s\n", mark, i, command.text)
	}

	return text.String()
}

// typeIn runs the script and returns what each command printed.
func typeIn(t *testing.T, tree string, environ []string, script string) map[int]string {
	t.Helper()

	file := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))

	var output bytes.Buffer

	shell := exec.CommandContext(t.Context(), "bash", file)
	shell.Dir, shell.Env, shell.Stdin = tree, environ, yes{}
	shell.Stdout, shell.Stderr = &output, &output
	err := shell.Run()

	log := filepath.Join(testkit.Artifacts(t, "readme"), "deploy.log")
	require.NoError(t, os.WriteFile(log, output.Bytes(), 0o600))
	require.NoError(t, err, "%s has what was printed", log)

	printed := map[int]string{}

	for _, part := range strings.Split(output.String(), "\n"+mark)[1:] {
		first, said, _ := strings.Cut(part, "\n")
		number, _, _ := strings.Cut(first, " ")
		i, err := strconv.Atoi(number)
		require.NoError(t, err)

		printed[i] = said
	}

	return printed
}

// yes is an input that answers every question with yes.
type yes struct{}

func (yes) Read(buffer []byte) (int, error) {
	const answer = "yes\n"

	return copy(buffer, strings.Repeat(answer, max(1, len(buffer)/len(answer)))), nil
}
