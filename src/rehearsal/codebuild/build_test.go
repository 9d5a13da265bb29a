package codebuild_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
)

// local is this machine as a build's.
type local struct{}

func (local) Run(ctx context.Context, variables map[string]string, output io.Writer, program ...string) error {
	command := exec.CommandContext(ctx, program[0], program[1:]...)
	command.Stdout, command.Stderr, command.WaitDelay = output, output, time.Second

	command.Env = os.Environ()
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}

	return command.Run()
}

func (local) Read(ctx context.Context, folder string, archive io.Writer) error {
	command := exec.CommandContext(ctx, "tar", "-cC", folder, ".")
	command.Stdout = archive

	return command.Run()
}

// run runs a buildspec on this machine, and returns what became of it, its log, and what it left: reports and artifacts.
func run(t *testing.T, text string) (codebuild.Outcome, string, []string) {
	t.Helper()

	spec, err := codebuild.Parse([]byte(text))
	require.NoError(t, err)

	var log bytes.Buffer

	source, state, kept := t.TempDir(), t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(state, "folder"), []byte(source), 0o600))

	build := &codebuild.Build{
		Spec: spec, Machine: local{}, Source: source, State: state, Variables: map[string]string{}, Log: &log,
		Artifact: filepath.Join(kept, "artifact"), Report: func(name string) string { return filepath.Join(kept, name) },
	}
	outcome := build.Run(t.Context())

	var left []string

	require.NoError(t, filepath.WalkDir(kept, func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			left = append(left, strings.TrimPrefix(path, kept+"/"))
		}

		return err
	}))

	return outcome, log.String(), left
}

const (
	header  = "version: 0.2\nenv: { shell: bash }\n"
	reports = "reports: { unit: { base-directory: out, files: ['*.xml'], file-format: JUNITXML } }\n"
)

// When a phase with on-failure: ABORT fails, the build ends without its upload phase: reports are lost.
func TestReports(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		phases string
		kept   bool
		want   string
	}{
		"reports of a green build are kept":                  {"build: { commands: [WRITE] }", true, ""},
		"so are those of a build phase that failed":          {"build: { commands: [WRITE, 'exit 7'] }", true, "phase build: a command failed: exit status 7"},
		"but not if it aborts on failure":                    {"build: { on-failure: ABORT, commands: [WRITE, 'exit 7'] }", false, "exit status 7"},
		"nor those of a phase before it":                     {"install: { commands: [WRITE, 'exit 7'] }", false, "phase install: a command failed"},
		"on-failure: CONTINUE goes on, and fails the build":  {"install: { on-failure: CONTINUE, commands: ['exit 7'] }\n  build: { commands: [WRITE] }", true, "phase install"},
		"those of a failed post_build are kept too":          {"build: { commands: [WRITE] }\n  post_build: { commands: ['exit 7'] }", true, "phase post_build"},
		"post_build runs after a build phase that failed":    {"build: { commands: ['exit 7'] }\n  post_build: { commands: [WRITE] }", true, "phase build"},
		"post_build does not run after one that was aborted": {"build: { on-failure: ABORT, commands: ['exit 7'] }\n  post_build: { commands: [WRITE] }", false, "phase build"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			phases := strings.ReplaceAll(row.phases, "WRITE", "'mkdir -p out && touch out/tests.xml'")
			outcome, log, left := run(t, header+"phases:\n  "+phases+"\n"+reports)

			if row.want == "" {
				require.NoError(t, outcome.Err, log)
			} else {
				require.ErrorContains(t, outcome.Err, row.want)
			}

			assert.Equal(t, row.kept, len(left) == 1 && left[0] == "unit/tests.xml", "%v\n%s", left, log)
		})
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()

	t.Run("commands share what they export, and the last values are the build's", func(t *testing.T) {
		t.Parallel()

		outcome, log, left := run(t, `version: 0.2
env: { shell: bash, exported-variables: [FOUND] }
phases:
  install: { commands: ["mkdir deep", "cd deep", "export HANDED=on"] }
  build:
    commands: ['FOUND="$HANDED $(basename "$PWD")"', "export FOUND", "touch a.txt c.log"]
    finally: ['echo "finally $CODEBUILD_BUILD_SUCCEEDING"']
artifacts: { base-directory: deep, files: ["**/*.txt"] }
`)
		require.NoError(t, outcome.Err, log)
		assert.Equal(t, map[string]string{"FOUND": "on deep"}, outcome.Exported)
		assert.Contains(t, log, "finally 1\n")
		assert.Equal(t, []string{"artifact/a.txt"}, left, "something else than the patterns say is an artifact")
	})

	t.Run("finally runs after a command that failed", func(t *testing.T) {
		t.Parallel()

		outcome, log, left := run(t, header+`phases: { build: { commands: ["touch a.txt", "false", "echo never"], finally: ["echo finally"] } }
artifacts: { files: ["*.txt"] }
`)
		require.Error(t, outcome.Err)
		assert.Contains(t, log, "\nfinally\n")
		assert.NotContains(t, log, "\nnever\n")
		assert.Empty(t, left, "a failed build leaves an artifact")
	})

	t.Run("an artifact without files is an error, a report without files is not", func(t *testing.T) {
		t.Parallel()

		outcome, log, _ := run(t, header+"phases: { build: { commands: ['true'] } }\nartifacts: { files: ['*.txt'] }\n"+reports)
		require.ErrorContains(t, outcome.Err, "no file is an artifact")
		assert.Contains(t, log, "the report unit has no files")
	})

	t.Run("a build that is cut off ends", func(t *testing.T) {
		t.Parallel()

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()

		spec, err := codebuild.Parse([]byte(header + "phases: { build: { commands: ['sleep 300'], finally: ['touch finally'] } }\n"))
		require.NoError(t, err)

		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "folder"), []byte(folder), 0o600))

		build := &codebuild.Build{Spec: spec, Machine: local{}, Source: folder, State: folder, Variables: map[string]string{}, Log: io.Discard}
		require.ErrorContains(t, build.Run(ctx).Err, "phase build")
		assert.NoFileExists(t, filepath.Join(folder, "finally"))
	})
}

func TestVariables(t *testing.T) {
	t.Parallel()

	spec, err := codebuild.Parse([]byte(`version: 0.2
env:
  variables: { A: spec, B: spec, C: spec }
  parameter-store: { D: /d, F: /f }
  secrets-manager: { E: "e:key", A: "a:key" }
`))
	require.NoError(t, err)

	found, err := spec.Variables(func(kind, reference string) (string, error) { return kind + " " + reference, nil },
		[]codebuild.Variable{{Name: "B", Value: "project"}, {Name: "C", Value: "project"}}, []codebuild.Variable{{Name: "C", Value: "action", Type: "PLAINTEXT"}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"A": "SECRETS_MANAGER a:key", "B": "project", "C": "action", "D": "PARAMETER_STORE /d", "E": "SECRETS_MANAGER e:key", "F": "PARAMETER_STORE /f",
	}, found)

	for range 100 { // a map's order is another one each time
		_, err = spec.Variables(func(_, reference string) (string, error) { return "", errors.New("denied " + reference) })
		require.EqualError(t, err, "denied /d")
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "coverage.xml"), []byte(`<coverage line-rate="0.914"/>`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "image.tar"), make([]byte, 1_500_000), 0o600))

	spec := &codebuild.Spec{Reports: map[string]codebuild.Report{"coverage": {FileFormat: "COBERTURAXML"}}}
	spec.Env.ExportedVariables = []string{"IMAGE", "ID"}
	build := &codebuild.Build{Spec: spec, Artifact: folder, Report: func(string) string { return folder }}

	assert.Equal(t, "coverage 91 %  plan: 1 to add, 2 to change, 0 to destroy  1.5 MB  …@sha256:000000000000…",
		build.Summary("x\nPlan: 1 to add, 2 to change, 0 to destroy.\n", map[string]string{"IMAGE": "repo@sha256:" + strings.Repeat("0", 64)}))
	assert.Contains(t, build.Summary("No changes. Your infrastructure matches the configuration.", nil), "plan: no changes")
}
