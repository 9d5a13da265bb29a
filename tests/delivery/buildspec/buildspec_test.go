// Package pipeline_test checks what the pipeline's actions run: the buildspecs, and the scripts that they call.
package pipeline_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A command is one plain line: make with a target, a script of the repository, or a variable that is handed on. Where a line
// had a pipe or a second command in it, the failure of one part could go unseen.
var (
	makeCommand   = regexp.MustCompile(`^make ([a-z-]+)( [A-Z_]+="?[^"|;&<>]*"?)*$`)
	scriptCommand = regexp.MustCompile(`^([a-z.][a-z./-]*/[a-z-]+)( [a-z-]+)*$`)
	assignment    = regexp.MustCompile(`^([A-Z_]+)=\$\(([^|;&<>]+)\)$`)
	handOn        = regexp.MustCompile(`^(?:export ([A-Z_]+)|echo "\$([A-Z_]+)")$`)
	query         = regexp.MustCompile(`^jq --raw-output '[^']+' \.build/[a-z./]+$`)
)

func TestBuildspecs(t *testing.T) {
	t.Parallel()

	root := testkit.Root(t)
	files, err := filepath.Glob(filepath.Join(root, "buildspec", "*.yml"))
	require.NoError(t, err)
	require.Len(t, files, 9)

	targets := makeTargets(t)

	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()

			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, check(content, root, targets))
		})
	}
}

// Each rule is broken once.
func TestBrokenBuildspecs(t *testing.T) {
	t.Parallel()

	phase := func(commands ...string) string {
		return "version: 0.2\nenv:\n  shell: bash\nphases:\n  build:\n    commands:\n      - " + strings.Join(commands, "\n      - ")
	}

	for name, test := range map[string]struct{ content, want string }{
		"a key that CodeBuild does not know":          {phase("make lint") + "\nreport: {}", "field report not found"},
		"an older version":                            {strings.Replace(phase("make lint"), "0.2", "0.1", 1), "version"},
		"another shell":                               {strings.Replace(phase("make lint"), "bash", "sh", 1), "shell"},
		"a phase of its own":                          {strings.Replace(phase("make lint"), "build:", "tests:", 1), "field tests not found"},
		"post_build, which runs after a failed build": {strings.Replace(phase("make lint"), "build:", "post_build:", 1), "phase post_build"},
		"a phase that goes on after a failure":        {strings.Replace(phase("make lint"), "build:", "build:\n    on-failure: CONTINUE", 1), "on-failure"},
		"a phase that aborts, which loses reports":    {strings.Replace(phase("make lint"), "build:", "build:\n    on-failure: ABORT", 1), "on-failure"},
		"a target that is not there":                  {phase("make lunch"), "no target lunch"},
		"a script that is not there":                  {phase("buildspec/install-tool"), "no script"},
		"a pipe":                                      {phase("make lint | tee log"), "is not one plain command"},
		"a failure forgiven":                          {phase("make lint || true"), "is not one plain command"},
		"two commands":                                {phase("make lint; make test"), "is not one plain command"},
		"several lines":                               {phase("|\n        make lint\n        make test"), "is not one plain command"},
		"an exported variable that is not set":        {strings.Replace(phase("make lint"), "shell: bash", "shell: bash\n  exported-variables: [IMAGE]", 1), "IMAGE is exported"},
		"a failure hidden by export":                  {phase("export A=$(make url)"), "is not one plain command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := check([]byte(test.content), testkit.Root(t), []string{"lint", "test", "url"})
			require.ErrorContains(t, err, test.want)
		})
	}
}

// check returns what is wrong with a buildspec.
func check(content []byte, root string, targets []string) error {
	spec, err := codebuild.Parse(content)

	switch {
	case err != nil:
		return err
	case spec.Env.Shell != "bash":
		return fmt.Errorf("the shell is %q, not bash", spec.Env.Shell)
	// It runs even when the build has failed, so nothing of importance may stand in it.
	case len(spec.Phases.PostBuild.Commands)+len(spec.Phases.PostBuild.Finally) != 0:
		return errors.New("there is a phase post_build")
	case len(spec.Phases.Build.Commands) == 0:
		return errors.New("there is nothing to run")
	}

	assigned := map[string]bool{}

	for _, phase := range spec.All() {
		commands := slices.Concat(phase.Commands, phase.Finally)
		// ABORT loses the reports of what failed, and CONTINUE goes on after it.
		if phase.OnFailure != "" {
			return fmt.Errorf("the phase %s has on-failure %s: leave it to CodeBuild", phase.Name, phase.OnFailure)
		}

		for _, command := range commands {
			if parts := assignment.FindStringSubmatch(command); parts != nil {
				assigned[parts[1]] = true
				command = parts[2]
			}

			if err := checkCommand(command, root, targets); err != nil {
				return err
			}
		}
	}

	for _, variable := range spec.Env.ExportedVariables {
		if !assigned[variable] {
			return fmt.Errorf("%s is exported and never set", variable)
		}
	}

	for name, report := range spec.Reports {
		if len(report.Files) == 0 {
			return fmt.Errorf("the report %s has no files", name)
		}
	}

	return nil
}

func checkCommand(command, root string, targets []string) error {
	if parts := makeCommand.FindStringSubmatch(command); parts != nil {
		if !slices.Contains(targets, parts[1]) {
			return fmt.Errorf("%s: the Makefile has no target %s", command, parts[1])
		}

		return nil
	}

	if handOn.MatchString(command) || query.MatchString(command) {
		return nil
	}

	name, _, _ := strings.Cut(command, " ")
	if scriptCommand.MatchString(command) || strings.HasPrefix(name, ".infra/") && !strings.ContainsAny(command, "|;&<>\n") {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil || info.Mode().Perm()&0o111 == 0 {
			return fmt.Errorf("%s: there is no script %s to run", command, name)
		}

		return nil
	}

	return fmt.Errorf("%q is not one plain command", command)
}

// makeTargets are the targets that people see.
func makeTargets(t *testing.T) []string {
	t.Helper()

	help := testkit.Run(t, testkit.Root(t), "make", "help")

	// A line has one target, or the three of a stack, and two spaces after them.
	var targets []string

	for _, match := range regexp.MustCompile(`(?m)^  ([a-z0-9 -]+?)  `).FindAllStringSubmatch(help, -1) {
		targets = append(targets, strings.Fields(match[1])...)
	}

	assert.Subset(t, targets, []string{"help", "plan-ecr", "apply-ecr", "destroy-ecr"})

	return targets
}
