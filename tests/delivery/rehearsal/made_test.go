package rehearsal_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

// A service that `make new` has just made, with one endpoint, gets through a pipeline of its own.
func TestMadeService(t *testing.T) {
	t.Parallel()
	rehearsaltest.Machine(t)

	tree := filepath.Join(t.TempDir(), "payments")
	testkit.Run(t, testkit.Clone(t), "env", "GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
		"make", "new", "NAME=payments", "MODULE=github.com/acme/payments", "INTO="+tree)
	rehearsaltest.ShareEmulator(t, tree)

	// The same tools are in its toolbox: only the programs differ whose build is cached there.
	engine, toolbox := testkit.Docker(t), strings.TrimSpace(testkit.Run(t, tree, ".tools/toolbox", "--name"))
	_, tag, _ := strings.Cut(toolbox, ":")

	engine.RemoveAfter(t, "image", toolbox)
	engine.RemoveAfter(t, "image", "payments-load-balancer")
	engine.RemoveAfter(t, "volume", "payments-rehearsal-cache-"+tag)
	engine.Run(t, "tag", engine.Toolbox(t), toolbox)

	printed := testkit.Run(t, tree, "make", "rehearse")

	for _, action := range []string{
		`Test +StaticAnalysis +ok`, `Test +UnitTest +ok  coverage \d+ %`, `Build +Build +ok`, `Deploy +DeployECR +ok`, `Deploy +DeployApp +ok`,
		`Deploy +UpdateECSService +ok  2/2 on [0-9a-f]{7}, 0 of \d{3,} requests, 0 of \d+ slow ones failed`, `Deploy +Accept +ok`, `Deploy +Verify +ok`,
	} {
		assert.Regexp(t, `(?m)^`+action, printed)
	}

	assert.Contains(t, printed, `{"text":"foo"}`)
	assert.NotRegexp(t, `(?i)clock-?mirror`, strings.ReplaceAll(printed, testkit.Root(t), ""))

	rehearsaltest.RequireNothingLeft(t, tree, rehearsaltest.ID(t, printed))
}
