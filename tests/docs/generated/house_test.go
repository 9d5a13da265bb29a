package generated_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestDocumentationOnlyPushesDoNotDeploy(t *testing.T) {
	t.Parallel()

	list := regexp.MustCompile(`(?m)^ +excludes = (\[.+\])$`).FindStringSubmatch(read(t, ".infra", "cicd", "pipeline.tf"))
	require.NotNil(t, list, "the trigger has no list of excluded files")

	var patterns []string
	require.NoError(t, json.Unmarshal([]byte(list[1]), &patterns))
	assert.LessOrEqual(t, len(patterns), 8, "CodePipeline's limit is 8 patterns")

	excluded := func(file string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, file) })
	}

	for _, document := range testkit.Files(t, "*.md") {
		assert.Equal(t, document != "CHANGELOG.md", excluded(document), "%s: does a push that changes only this file start no run?", document)
	}

	for _, file := range testkit.Files(t, "*.go", "*.tf", "*.yml", "*.mod", "Makefile", "Dockerfile") {
		assert.False(t, excluded(file), "a push that changes only %s starts no run", file)
	}
}

func TestRenovateKnowsEveryPinnedVersion(t *testing.T) {
	t.Parallel()

	type manager struct {
		Files []string `json:"managerFilePatterns"`
	}

	var settings struct {
		Enabled []string  `json:"enabledManagers"`
		Go      manager   `json:"gomod"`
		Python  manager   `json:"pip_requirements"` //nolint:tagliatelle // Renovate's name
		Custom  []manager `json:"customManagers"`
	}

	require.NoError(t, json.Unmarshal([]byte(read(t, ".github", "renovate.json")), &settings))
	assert.Subset(t, settings.Enabled, []string{"gomod", "terraform", "dockerfile", "pip_requirements", "custom.regex"})
	require.Len(t, settings.Custom, 1)

	for _, pinned := range []struct {
		manager manager
		files   []string
	}{
		{settings.Go, testkit.Files(t, "*.mod")},
		{settings.Python, testkit.Files(t, "*requirements.txt", ".tools/*.txt")},
		{settings.Custom[0], testkit.Files(t, "buildspec/install-tools")},
	} {
		require.NotEmpty(t, pinned.files)

		for _, file := range pinned.files {
			assert.True(t, slices.ContainsFunc(pinned.manager.Files, func(pattern string) bool {
				return regexp.MustCompile(strings.Trim(pattern, "/")).MatchString(file)
			}), "no pattern matches %s", file)
		}
	}
}

func TestDecisionsAreShort(t *testing.T) {
	t.Parallel()

	documents := testkit.Files(t, "*DECISIONS.md")
	require.NotEmpty(t, documents)

	for _, document := range documents {
		records := strings.Split(read(t, document), "\n## ")[1:]
		require.NotEmpty(t, records, document)

		for _, record := range records {
			title, _, _ := strings.Cut(record, "\n")
			assert.Regexp(t, `(?s)\nContext: .+\nDecision: .+\nConsequence: `, record, "%s: %s", document, title)
			assert.LessOrEqual(t, strings.Count(record, "\n"), 25, "%s: %s", document, title)
		}
	}
}

// The build's modules are those of the packages that it compiles. The rehearsal's own, such as AWS's SDK, are not among them.
func TestTheServiceNeedsNoModuleOfTheRehearsal(t *testing.T) {
	t.Parallel()

	compiled := dependencies(t, "./src/cmd/clockmirror")
	require.Contains(t, compiled, "github.com/gin-gonic/gin")
	assert.Contains(t, strings.Join(dependencies(t, "./src/cmd/rehearse"), " "), "github.com/aws/", "the rehearsal does need it")

	for _, module := range compiled {
		assert.NotRegexp(t, `^github\.com/(aws|hashicorp|zclconf|gofrs)/`, module)
	}
}

// dependencies are the modules of what a program is compiled from.
func dependencies(t *testing.T, program string) []string {
	t.Helper()

	output := testkit.Run(t, testkit.Root(t), "go", "list", "-deps", "-tags", "nomsgpack", "-f", "{{with .Module}}{{.Path}}{{end}}", program)

	return slices.Compact(slices.Sorted(strings.FieldsSeq(output)))
}

func read(t *testing.T, path ...string) string {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(append([]string{testkit.Root(t)}, path...)...))
	require.NoError(t, err)

	return string(content)
}
