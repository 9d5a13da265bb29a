package new_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

var forgotten = regexp.MustCompile(`(?i)clock-?mirror`)

// spoken are words that a part alone brings into the files of the service. AWS has words of its own for keys that customers manage.
//
//nolint:gochecknoglobals // a table
var (
	spoken = map[string]*regexp.Regexp{
		"clock":     regexp.MustCompile(`(?i)mirror_time|actual_time|clock\.(svg|example)|/clock\b|\bface\b|addClock|\bbench\b`),
		"shout":     regexp.MustCompile(`(?i)shout|redis|\bsoak\b`),
		"customers": regexp.MustCompile(`(?i)greet|customer`),
	}
	notOfPart = strings.NewReplacer("customer managed", "", "customer_master_key_spec", "")
)

// testMade checks everything that a name may change, and what a part that is left out may leave behind. Lint, unit and API tests of the
// service with one endpoint are those of its own pipeline, which tests/delivery/rehearsal runs.
func testMade(t *testing.T, tree string, rehearsed bool) {
	t.Helper()

	assert.Equal(t, "1\n", testkit.Git(t, tree, "rev-list", "--count", "--all"))
	assert.Equal(t, "master Begin payments\n", testkit.Git(t, tree, "log", "-1", "--format=%D %s")[len("HEAD -> "):])
	assert.Empty(t, testkit.Git(t, tree, "status", "--porcelain", "--ignored"))
	assert.Regexp(t, `(?s)^# Changelog\n.+\n## Unreleased\n\n## 0\.0\.0 \(\d{4}-\d\d-\d\d\)\n\n- .+\n$`, read(t, tree, "CHANGELOG.md"))
	assert.Regexp(t, `^MIT License\n\nCopyright \(c\) \d{4} Acme & Söhne\nMade from clockmirror, .+, under the same licence, Copyright \(c\) 2026 The clockmirror authors\n`,
		read(t, tree, "LICENSE"))
	assert.NoFileExists(t, filepath.Join(tree, ".tools", "new"))
	testNames(t, tree)

	t.Run("format", func(t *testing.T) { t.Parallel(); testFormat(t, tree) })

	// With all parts, the stacks are this repository's but for names, which those without are tested for.
	if rehearsed {
		for _, stack := range []string{"bootstrap", "ecr", "app", "cicd", "outside"} {
			t.Run(stack, func(t *testing.T) { t.Parallel(); testStack(t, tree, stack) })
		}
	} else {
		t.Run("cicd", func(t *testing.T) { t.Parallel(); testStack(t, tree, "cicd", "-filter=tests/sizes.tftest.hcl") })
		t.Run("app", func(t *testing.T) { t.Parallel(); testStack(t, tree, "app", "-filter=tests/customers.tftest.hcl") })
		t.Run("lint", func(t *testing.T) { t.Parallel(); run(t, tree, testkit.Tool(t, "golangci-lint"), "run", "./...") })
		t.Run("tests", func(t *testing.T) { t.Parallel(); testProgram(t, tree, "./src/...") })
	}

	t.Run("chart", func(t *testing.T) { t.Parallel(); run(t, tree, "go", "test", "./tests/kubernetes/chart") })
	t.Run("image", func(t *testing.T) { t.Parallel(); testLabels(t, tree) })
	t.Run("program", func(t *testing.T) {
		t.Parallel()
		run(t, tree, "make", "build", "VERSION=1.2.3")
		assert.NotRegexp(t, forgotten, read(t, tree, ".build", "payments"))
		assert.Contains(t, run(t, tree, filepath.Join(tree, ".build", "payments"), "version"), "payments 1.2.3, revision ")
	})
}

// testProgram runs tests of the program and what is generated from it.
func testProgram(t *testing.T, tree string, packages ...string) {
	t.Helper()

	run(t, tree, "go", append([]string{"test", "-tags", "nomsgpack", "./tests/service/api", "./tests/docs/generated"}, packages...)...)
	run(t, tree, "go", "mod", "tidy", "-diff")
}

// testWithout looks in all files and paths for what is left of parts. Sums of modules have names that say nothing.
func testWithout(t *testing.T, tree string, parts ...string) {
	t.Helper()

	for file := range strings.FieldsSeq(testkit.Git(t, tree, "ls-files")) {
		if filepath.Dir(file) == ".tools" && (filepath.Ext(file) == ".mod" || filepath.Ext(file) == ".sum") {
			continue
		}

		for line := range strings.Lines(file + "\n" + read(t, tree, file)) {
			for _, part := range parts {
				assert.NotRegexp(t, spoken[part], notOfPart.Replace(line), "%s speaks of %s", file, part)
			}
		}
	}
}

// testNames looks at all paths and files, whatever is in them.
func testNames(t *testing.T, tree string) {
	t.Helper()

	var found []string

	for file := range strings.FieldsSeq(testkit.Git(t, tree, "ls-files")) {
		assert.NotRegexp(t, forgotten, file)
		assert.NotContains(t, read(t, tree, file), "make new", file)

		for line := range strings.Lines(read(t, tree, file)) {
			if forgotten.MatchString(line) {
				found = append(found, file+": "+line)
			}
		}
	}

	require.Len(t, found, 1, "one line says where it comes from")
	assert.Contains(t, found[0], "LICENSE: Made from ")
}

// testFormat checks what depends on the length of names and on how they sort.
func testFormat(t *testing.T, tree string) {
	t.Helper()

	run(t, tree, "terraform", "fmt", "-check", "-diff", "-recursive", ".infra")
	assert.Empty(t, run(t, tree, testkit.Tool(t, "golangci-lint"), "fmt", "--diff", "./..."))
	run(t, tree, testkit.Program(t, "apt-get install yamllint", "yamllint"), "--strict", ".golangci.yml", ".infra/helm")
}

// testLabels builds the image, and looks at what it says of itself.
func testLabels(t *testing.T, tree string) {
	t.Helper()

	engine, name := testkit.Docker(t), testkit.Unique()
	engine.RemoveAfter(t, "image", name)
	run(t, tree, "make", "image", "IMAGE="+name)

	config := engine.Run(t, "inspect", "--format", "{{json .Config}}", name)
	assert.Contains(t, config, `"org.opencontainers.image.source":"https://github.com/acme/payments"`)
	assert.NotRegexp(t, forgotten, strings.ReplaceAll(config, name, ""))
}

// testStack validates and tests a stack, and looks at the plans and states of its tests.
func testStack(t *testing.T, tree, stack string, arguments ...string) {
	t.Helper()

	testkit.Program(t, "install Terraform 1.11 or newer", "terraform")

	in := "-chdir=.infra/" + stack
	run(t, tree, "terraform", in, "init", "-backend=false", "-input=false", "-lockfile=readonly")

	attached := "TF_REATTACH_PROVIDERS=" + testkit.Provider(t, filepath.Join(tree, ".infra", stack), os.Environ())
	run(t, tree, "env", attached, "terraform", in, "validate")
	planned := run(t, tree, "env", append([]string{attached, "terraform", in, "test", "-verbose"}, arguments...)...)
	assert.NotRegexp(t, forgotten, strings.ReplaceAll(planned, tree, ""))
}

// run runs a program in what was made, and returns what it prints. The program finds there what this repository has built already.
func run(t *testing.T, tree, program string, arguments ...string) string {
	t.Helper()

	command := exec.CommandContext(t.Context(), program, arguments...)

	command.Dir, command.Env = tree, append(proc.WithoutGit(os.Environ()), "MAKEFLAGS=", "GOGC=400") // less CPU for Terraform

	output, err := command.CombinedOutput()
	require.NoError(t, err, string(bytes.TrimSpace(output)))

	return string(output)
}
