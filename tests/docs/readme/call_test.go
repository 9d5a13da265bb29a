package readme_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// testRun starts what the README starts, each on ports of its own, and waits until it answers.
func testRun(t *testing.T, commands []command) {
	t.Helper()

	var rest []command

	for _, typed := range commands {
		text, _, _ := strings.Cut(typed.text, "#")

		switch text = strings.TrimSpace(text); {
		case text == "make run":
			t.Run(text, func(t *testing.T) {
				t.Parallel()
				serve(t, text)
			})
		case strings.HasPrefix(text, "docker build "):
			t.Run("docker", func(t *testing.T) {
				t.Parallel()
				testDocker(t, text)
			})
		default:
			rest = append(rest, command{text: text})
		}
	}

	testElsewhere(t, rest)
}

// testDocker runs the command with another port and another image name, otherwise unchanged.
func testDocker(t *testing.T, text string) {
	t.Helper()

	docker, name, port := testkit.Docker(t), testkit.Unique(), strconv.Itoa(testkit.FreePort(t))
	docker.RemoveAfter(t, "image", name)

	text = strings.Replace(text, "8080:8080", port+":8080", 1)
	text = regexp.MustCompile(`\bclockmirror\b`).ReplaceAllString(text, name)

	background(t, testkit.Root(t), text, "DOCKER_BUILDKIT=1") // the default since Docker 23
	testkit.EventuallyWithin(t, patience, func() error { return testkit.Ready(t.Context(), "http://127.0.0.1:"+port) })
}

// serve runs a command that serves, and returns the ports of the API and of metrics.
func serve(t *testing.T, text string) (port, admin string) {
	t.Helper()

	port, admin = strconv.Itoa(testkit.FreePort(t)), strconv.Itoa(testkit.FreePort(t))

	background(t, testkit.Clone(t), text, "PORT="+port, "ADMIN_PORT="+admin)
	testkit.EventuallyWithin(t, patience, func() error { return testkit.Ready(t.Context(), "http://127.0.0.1:"+port) })

	return port, admin
}

// background runs a command until the test ends, in a process group of its own, so that all of it ends.
func background(t *testing.T, folder, text string, environ ...string) {
	t.Helper()

	var output testkit.Buffer

	command := exec.Command("bash", "-c", text) //nolint:noctx // it is interrupted below
	command.Dir = folder

	command.Env = append(proc.WithoutGit(os.Environ()), environ...)
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = testkit.Patience

	process, err := proc.Start(command)
	require.NoError(t, err)

	t.Cleanup(func() {
		require.NoError(t, process.End(syscall.SIGTERM, testkit.Patience))

		if t.Failed() {
			t.Logf("%s: %s", text, output.String())
		}
	})
}

// patience limits the wait for a service that may have to be built first.
const patience = 5 * time.Minute

// vary are the parts of an answer that differ from run to run; all else is compared exactly.
//
//nolint:gochecknoglobals // a table
var vary = []*regexp.Regexp{
	regexp.MustCompile(`"request_id":"[0-9a-z]{20}"`),
	regexp.MustCompile(`"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`),
	regexp.MustCompile(`"uptime":"[0-9a-z ]+"`),
	regexp.MustCompile(`"hostname":"[^"]+"`),
	regexp.MustCompile(`"ip":"[0-9a-f.:]+"`),
	// The build.
	regexp.MustCompile(`"?version"?[:=]"0\.0\.0-[0-9a-f]{7,}"`),
	regexp.MustCompile(`"?revision"?[:=]"[0-9a-f]{40}"`),
	regexp.MustCompile(`"?created"?[:=]"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"`),
	regexp.MustCompile(`goversion="go1\.\d+(\.\d+)?"`),
	regexp.MustCompile(`profile: total \d+`),
}

// testCall starts the program and sends the requests as the README does, and compares the answers with the README's.
func testCall(t *testing.T, commands []command) {
	t.Helper()
	testkit.Program(t, "apt-get install curl", "curl")

	starts, background := strings.CutSuffix(commands[0].text, " &")
	require.True(t, background, "the first command starts the program")

	port, admin := serve(t, starts)
	ports := strings.NewReplacer("127.0.0.1:8080", "127.0.0.1:"+port, "127.0.0.1:9090", "127.0.0.1:"+admin)

	for _, command := range commands[1:] {
		require.True(t, strings.HasPrefix(command.text, "curl "), "no test runs %s", command.text)

		answer, err := exec.CommandContext(t.Context(), "bash", "-c", ports.Replace(command.text)).Output()
		require.NoError(t, err, command.text)

		want, have := steady(command.answer), steady(string(answer))
		if beginning, shortened := strings.CutSuffix(want, "…"); shortened {
			assert.Contains(t, have, beginning, command.text)
			require.GreaterOrEqual(t, len(have), len(beginning))

			have, want = have[:len(beginning)], beginning
		}

		assert.Equal(t, want, have, command.text)
	}
}

// steady is an answer without the parts that vary, trimmed.
func steady(answer string) string {
	for i, part := range vary {
		answer = part.ReplaceAllString(answer, fmt.Sprintf("<%d>", i))
	}

	return strings.TrimSpace(strings.ReplaceAll(answer, "\r", ""))
}
