package generated_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestEveryAlarmIsInTheRunbook(t *testing.T) {
	t.Parallel()

	infra := filepath.Join(testkit.Root(t), ".infra")

	text, err := os.ReadFile(filepath.Join(infra, "RUNBOOK.md"))
	require.NoError(t, err)

	var headings []string

	for _, entry := range strings.Split(string(text), "\n## ")[1:] {
		heading, rest, _ := strings.Cut(entry, "\n")
		headings = append(headings, heading)

		assert.Regexp(t, `(?s)\nMeans: .+\nLook at:.*(\n`+"```"+`\n.+stats |\n`+"```"+`\nfields |https://<region>|https://s3).+\nDo:`, rest,
			"%s: what it means, a query or a link to look at, what to do", heading)
		assert.Regexp(t, `[Rr]oll back`, rest, "%s: when to roll back", heading)
	}

	// What follows the name of the environment and the service: -5xx, -red-for-${var.red_hours}-hours…
	name := regexp.MustCompile(`(?m)^  alarm_name\s+= "\$\{local\.\w+\}(-[^"]+)"$`)
	variable := regexp.MustCompile(`\$\{[^}]+\}`)
	alarms := 0

	require.NoError(t, filepath.WalkDir(infra, func(path string, entry fs.DirEntry, err error) error {
		// A check that runs beside this one may be writing what Terraform keeps.
		if entry != nil && entry.Name() == ".terraform" {
			return filepath.SkipDir
		}

		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}

		stack, err := os.ReadFile(path)
		require.NoError(t, err)

		found := name.FindAllStringSubmatch(string(stack), -1)
		assert.Len(t, found, strings.Count(string(stack), `resource "aws_cloudwatch_metric_alarm"`), "an alarm in %s has a name of another form", path)

		for _, alarm := range found {
			entry := "`" + variable.ReplaceAllString(alarm[1], "N") + "`"
			assert.Contains(t, strings.Join(headings, ""), entry, "%s: write what the alarm means and what to do", path)

			alarms++
		}

		return nil
	}))
	assert.NotZero(t, alarms)
}

func TestEveryVariableIsInTheReadme(t *testing.T) {
	t.Parallel()

	infra := filepath.Join(testkit.Root(t), ".infra")

	text, err := os.ReadFile(filepath.Join(infra, "README.md"))
	require.NoError(t, err)

	files, err := filepath.Glob(filepath.Join(infra, "*", "variables*.tf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)

	for _, file := range files {
		stack, err := os.ReadFile(file)
		require.NoError(t, err)

		for _, variable := range regexp.MustCompile(`(?m)^variable "(\w+)"`).FindAllStringSubmatch(string(stack), -1) {
			assert.Contains(t, string(text), "`"+variable[1]+"`", file)
		}
	}
}
