package generated_test

import (
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

// required is what AWS's reference for an application's pipeline requires, by its names and in its order.
//
//nolint:gochecknoglobals // a list
var required = []string{
	"Pre-Commit Hooks",
	"Application Source Code", "Test Source Code", "Infrastructure Source Code", "Static Assets", "Dependency Manifests", "Static Configuration",
	"Build Code", "Unit Tests", "Code Quality", "Secrets Detection", "Static Application Security Testing (SAST)",
	"Package and Store Artifact(s)", "Software Composition Analysis (SCA)", "Software Bill of Materials (SBOM)",
	"Integration Tests", "Acceptance Tests",
	"Launch Environment", "Deploy Software", "Application Monitoring & Logging", "Synthetic Tests",
	"Manual Approval", "Progressive Deployment",
}

func TestConformanceNamesFilesThatAreThere(t *testing.T) {
	t.Parallel()

	folder := filepath.Join(testkit.Root(t), ".infra", "cicd")

	text, err := os.ReadFile(filepath.Join(folder, "CONFORMANCE.md"))
	require.NoError(t, err)

	row := regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|$`)
	link := regexp.MustCompile(`\[[^]]+\]\(([^)]+)\)`)
	met := 0

	rows := row.FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, len(required))

	for i, item := range rows {
		assert.Equal(t, strconv.Itoa(i+1), item[1])
		assert.Equal(t, required[i], item[2])

		files := link.FindAllStringSubmatch(item[3], -1)

		switch {
		case item[3] == "not yet":
			assert.NotEmpty(t, strings.TrimSpace(item[4]), "%s: say what is missing", required[i])
		case assert.NotEmpty(t, files, "%s: name the file that meets it, or write 'not yet'", required[i]):
			met++
		}

		for _, file := range files {
			assert.FileExists(t, existing(t, filepath.Join(folder, file[1])), required[i])
		}
	}

	assert.Contains(t, string(text), strconv.Itoa(met)+" are met")
}

// existing is the path itself or, of a folder, the first file in it: an empty one meets nothing. What Terraform keeps there does not count.
func existing(t *testing.T, path string) string {
	t.Helper()

	entries, err := os.ReadDir(path)
	if err != nil {
		return path
	}

	for _, entry := range entries {
		switch inside := filepath.Join(path, entry.Name()); {
		case entry.Name() == ".terraform":
		case entry.IsDir():
			return existing(t, inside)
		default:
			return inside
		}
	}

	return path
}
