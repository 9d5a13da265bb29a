package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Commands that another test runs, or the script that runs all tests: in which files, by which words.
//
//nolint:gochecknoglobals // a table
var others = map[string]struct{ files, words string }{
	"make test": {".ci/run", "make test"},
	"make new NAME=payments MODULE=github.com/acme/payments INTO=../payments": {"tests/delivery/new/*_test.go", `"MODULE=github.com/acme/payments"`},
	"make dev":                  {"tests/service/dev/*_test.go", `"make", "dev"`},
	"make hooks":                {"tests/delivery/hooks/*_test.go", `"make", "hooks"`},
	"make help":                 {"tests/delivery/buildspec/*_test.go", `"make", "help"`},
	"make toolbox":              {".ci/run", "make toolbox"},
	"make apply-outside":        {"tests/infra/outside_test.go", `"apply-outside"`},
	"make rehearse":             {"tests/delivery/push/*_test.go", `"make", "rehearse"`},
	"make rehearse-remote":      {"tests/delivery/push/*_test.go", `"make", "rehearse-remote"`},
	"make prove":                {"tests/delivery/prove/*_test.go", `"make", "prove"`},
	"git push rehearsal master": {"tests/delivery/push/*_test.go", `"push", "rehearsal"`},
}

// testElsewhere holds a list against what runs these commands: a test that names them, the package of tests that a target
// runs and that `make test` runs too, or this test.
func testElsewhere(t *testing.T, commands []command) {
	t.Helper()

	for _, command := range commands {
		t.Run(command.text, func(t *testing.T) {
			t.Parallel()

			other, known := others[command.text]

			switch {
			case known:
				assertNamed(t, command.text, other.files, other.words)
			case command.text == "make bench":
				testBench(t)
			case command.text == "make generate":
				testGenerate(t)
			default:
				testPackage(t, command.text)
			}
		})
	}
}

func assertNamed(t *testing.T, command, files, words string) {
	t.Helper()

	paths, err := filepath.Glob(filepath.Join(testkit.Root(t), files))
	require.NoError(t, err)
	assert.NotEmpty(t, paths, "%s: there is no %s", command, files)

	var all strings.Builder

	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(content)
	}

	assert.Contains(t, all.String(), words, "%s: nothing in %s runs it", command, files)
}

// testPackage takes commands that are `go test` on a package, or whose recipe is that. All packages are tested by `make test`,
// which .ci/run runs.
func testPackage(t *testing.T, text string) {
	t.Helper()

	makefile, err := os.ReadFile(filepath.Join(testkit.Root(t), "Makefile"))
	require.NoError(t, err)

	recipe := text

	// The Makefile is read, not run: the target may need what is missing here, such as Docker.
	if target, isTarget := strings.CutPrefix(text, "make "); isTarget {
		recipe = regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:.*\n(?:\t.*\n)+`).FindString(string(makefile))
		require.NotEmpty(t, recipe, "the Makefile has no target %s", target)
	}

	packages := regexp.MustCompile(`go test (?:\S+ )*?(?:\./)(tests/\w+(?:/\w+)?)\b`).FindAllStringSubmatch(recipe, -1)
	require.NotEmpty(t, packages, "no test runs `%s`: %s", text, recipe)

	for _, found := range packages {
		tests, err := filepath.Glob(filepath.Join(testkit.Root(t), found[1], "*_test.go"))
		require.NoError(t, err)
		assert.NotEmpty(t, tests, "`%s` tests nothing", text)
	}

	assert.Regexp(t, `(?m)^test:.*\n\t@\.tools/test `, string(makefile))

	for _, words := range []string{`others=$(go list ./tests/infra ./tests/delivery/prove ./... | grep -vxF "$alone")`, `"$1" $others`, `"$1" $alone`} {
		assertNamed(t, "make test", ".tools/test", words)
	}

	assertNamed(t, "make test", ".ci/run", "make test")
}

// testGenerate runs it in a copy: what is generated is what was committed.
func testGenerate(t *testing.T) {
	t.Helper()

	tree := testkit.Clone(t)
	testkit.Run(t, tree, "make", "generate")
	assert.Empty(t, testkit.Git(t, tree, "status", "--porcelain"))
}
