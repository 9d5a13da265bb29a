package codebuild_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
)

func TestParse(t *testing.T) {
	t.Parallel()

	spec, err := codebuild.Parse([]byte(`
version: 0.2
env:
  shell: bash
  variables: { A: "1" }
  parameter-store: { B: /clockmirror/b }
  secrets-manager: { C: "clockmirror/c:key" }
  exported-variables: [A]
phases:
  install: { on-failure: ABORT, commands: [first] }
  build: { commands: [second], finally: [third] }
reports:
  unit: { base-directory: reports, files: ["*.xml"], file-format: JUNITXML }
artifacts: { base-directory: out, files: ["**/*"] }
`))
	require.NoError(t, err)

	phases := spec.All()
	require.Len(t, phases, 4)
	assert.Equal(t, []string{"first"}, phases[0].Commands)
	assert.False(t, phases[0].Next(), "a build goes on after ABORT")
	assert.True(t, phases[2].Next(), "post_build runs after a failed build")
	assert.Equal(t, []string{"third"}, phases[2].Finally)
	assert.Equal(t, "/clockmirror/b", spec.Env.ParameterStore["B"])
	assert.Equal(t, "clockmirror/c:key", spec.Env.SecretsManager["C"])
}

// What a rehearsal does not know is an error that names it, never skipped.
func TestUnknown(t *testing.T) {
	t.Parallel()

	for want, text := range map[string]string{
		"field batch not found":               "version: 0.2\nbatch: {}",
		"field runtime-versions not found":    "version: 0.2\nphases: { install: { runtime-versions: { golang: 1.26 } } }",
		`version is "0.1"; it must be 0.2`:    "version: 0.1",
		`shell is "zsh"`:                      "version: 0.2\nenv: { shell: zsh }",
		`on-failure of the phase build is "R`: "version: 0.2\nphases: { build: { on-failure: RETRY } }",
		`the report unit has the format "N`:   "version: 0.2\nreports: { unit: { file-format: NUNITXML } }",
	} {
		_, err := codebuild.Parse([]byte(text))
		require.ErrorContains(t, err, want)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		name, onFailure string
		want            bool
	}{
		{"install", "", false},
		{"pre_build", "", false},
		{"build", "", true},
		{"build", "ABORT", false},
		{"install", "CONTINUE", true},
		{"post_build", "", false},
	} {
		phase := codebuild.NamedPhase{Name: row.name, Phase: codebuild.Phase{OnFailure: row.onFailure}}
		assert.Equal(t, row.want, phase.Next(), "%s %s", row.name, row.onFailure)
	}
}

// The commands of a list share a shell; the next list begins where they ended.
func TestScript(t *testing.T) {
	t.Parallel()

	for _, shell := range []string{"bash", "sh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()

			spec := &codebuild.Spec{}
			spec.Env.Shell = shell
			state := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(state, "folder"), []byte(state), 0o600))

			run := func(commands ...string) (string, error) {
				output, err := exec.CommandContext(t.Context(), spec.ShellName(), "-c", spec.Script(state, commands)).CombinedOutput()

				return string(output), err
			}

			output, err := run("mkdir deeper", "cd deeper", "TEXT=\"it's   here\"", "export TEXT", "OWN=1", `echo "own $OWN"`)
			require.NoError(t, err, output)
			assert.Contains(t, output, "\nown 1\n", "commands of a list share a shell")

			output, err = run("pwd", `echo "$TEXT, own ${OWN-unset}"`, "false", "echo never")
			require.Error(t, err)

			var exit *exec.ExitError

			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 1, exit.ExitCode())
			assert.Contains(t, output, filepath.Join(state, "deeper")+"\n", "the next list begins in the same folder")
			assert.Contains(t, output, "it's   here, own unset\n", "exported variables are handed on, others are not")
			assert.Contains(t, output, "command did not exit successfully: false exit status 1")
			assert.NotContains(t, output, "\nnever")

			output, err = run("pwd")
			require.NoError(t, err, output)
			assert.Contains(t, output, "deeper", "a list that failed hands on too")

			_, err = run("exit 3")
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 3, exit.ExitCode())
			assert.Equal(t, 1, strings.Count(spec.Script(state, []string{"a"}), "run 'a'"))
		})
	}
}
