package program_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func wrongSettings(t *testing.T, program string) {
	code, stdout, stderr := run(t, program, []string{"PORT=x", "MAX_IN_FLIGHT=0", "DRAIN_DELAY=soon"})
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Equal(t, `PORT: "x" is not allowed; it must be a TCP port, 1 to 65535
DRAIN_DELAY: "soon" is not allowed; it must be a duration from 0s to 5m, such as 10s
MAX_IN_FLIGHT: "0" is not allowed; it must be a number from 1 to 1000000
`, stderr)
}

func portInUse(t *testing.T, program string) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)

	defer listener.Close()

	taken, free := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), strconv.Itoa(testkit.FreePort(t))

	for _, environ := range [][]string{{"PORT=" + taken, "ADMIN_PORT=" + free}, {"PORT=" + free, "ADMIN_PORT=" + taken}} {
		code, _, stderr := run(t, program, environ)
		assert.Equal(t, 1, code)
		assert.Regexp(t, `^clockmirror: open (ADMIN_)?PORT `+taken+`: .*address already in use; stop what uses it, or choose another (ADMIN_)?PORT\n$`, stderr)
	}
}

func healthcheck(t *testing.T, program string) {
	server := testkit.Start(t, program, "DRAIN_DELAY=1m")
	port := "PORT=" + server.URL[strings.LastIndexByte(server.URL, ':')+1:]

	code, _, stderr := run(t, program, []string{port}, "healthcheck")
	assert.Zero(t, code, stderr)

	code, _, stderr = run(t, program, nil, "healthcheck", server.URL+"/livez", server.URL+"/api/echo?text=12:22")
	assert.Zero(t, code, stderr)

	code, _, stderr = run(t, program, nil, "healthcheck", server.URL+"/livez", server.URL+"/nothing")
	assert.Equal(t, 1, code)
	assert.Equal(t, "clockmirror: not healthy: "+server.URL+"/nothing answers 404 Not Found\n", stderr)

	server.Terminate(t)
	testkit.Until(t, func() bool {
		code, _, stderr = run(t, program, []string{port}, "healthcheck")

		return code != 0
	}, "still healthy")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "answers 503")

	code, _, stderr = run(t, program, []string{"PORT=" + strconv.Itoa(testkit.FreePort(t))}, "healthcheck")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "connection refused")
}

func version(t *testing.T, program string) {
	code, stdout, _ := run(t, program, nil, "version")
	assert.Zero(t, code)
	assert.Equal(t, "clockmirror 1.2.3, revision abc of unknown\n", stdout)
}

func usage(t *testing.T, program string) {
	for _, arguments := range [][]string{{"start"}, {"--help"}, {"serve", "now"}} {
		code, stdout, stderr := run(t, program, nil, arguments...)
		assert.Equal(t, 2, code)
		assert.Empty(t, stdout)
		assert.Equal(t, "usage: clockmirror [serve | healthcheck [URL…] | version]\n", stderr)
	}
}

// readmeHasTheSettings compares the README's table with what the program says of its settings when it starts.
func readmeHasTheSettings(t *testing.T, program string) {
	server := testkit.Start(t, program)

	var start struct {
		Config map[string]string `json:"config"`
	}

	testkit.Eventually(t, func() error {
		return json.NewDecoder(strings.NewReader(server.Output())).Decode(&start)
	})

	readme, err := os.ReadFile(filepath.Join(testkit.Root(t), "README.md"))
	require.NoError(t, err)

	defaults := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| `?([^`|]*?)`? \\|").FindAllStringSubmatch(string(readme), -1) {
		defaults[row[1]] = strings.TrimSpace(row[2])
	}

	for _, changed := range []string{"PORT", "ADMIN_PORT", "DRAIN_DELAY"} { // by Start
		assert.Contains(t, defaults, changed)
		assert.Contains(t, start.Config, changed)
		delete(defaults, changed)
		delete(start.Config, changed)
	}

	for _, variable := range []string{ // the log shows the value, not its text
		"GREETINGS",
		"SHOUT_CACHE_TTL",
	} {
		assert.Contains(t, defaults, variable)
		delete(defaults, variable)
		delete(start.Config, variable)
	}

	start.Config["LOG_LEVEL"] = strings.ToLower(start.Config["LOG_LEVEL"])
	assert.Equal(t, start.Config, defaults)
}
