// Package codebuild reads the files that CodeBuild runs, version 0.2, and says how CodeBuild runs them. The rules are those of
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html.
package codebuild

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Spec is a buildspec. What is not here CodeBuild may know, but a rehearsal does not: it is refused, never skipped.
type Spec struct {
	Version string `yaml:"version"`
	Env     struct {
		// Shell is bash or sh; empty is sh.
		Shell             string            `yaml:"shell"`
		Variables         map[string]string `yaml:"variables"`
		ParameterStore    map[string]string `yaml:"parameter-store"`
		SecretsManager    map[string]string `yaml:"secrets-manager"`
		ExportedVariables []string          `yaml:"exported-variables"`
	} `yaml:"env"`
	Phases struct {
		Install   Phase `yaml:"install"`
		PreBuild  Phase `yaml:"pre_build"`
		Build     Phase `yaml:"build"`
		PostBuild Phase `yaml:"post_build"`
	} `yaml:"phases"`
	Reports   map[string]Report `yaml:"reports"`
	Artifacts Artifacts         `yaml:"artifacts"`
}

// Phase is a list of commands, and one that runs whatever became of the first.
type Phase struct {
	// OnFailure is ABORT or CONTINUE; empty is what CodeBuild does of itself, see [NamedPhase.Next].
	OnFailure string   `yaml:"on-failure"`
	Commands  []string `yaml:"commands"`
	Finally   []string `yaml:"finally"`
}

// Report names files of test results or coverage.
type Report struct {
	BaseDirectory string   `yaml:"base-directory"`
	Files         []string `yaml:"files"`
	FileFormat    string   `yaml:"file-format"`
}

// Artifacts names the files that a build leaves, by patterns below the base directory.
type Artifacts struct {
	BaseDirectory string   `yaml:"base-directory"`
	Files         []string `yaml:"files"`
}

// NamedPhase is a phase with CodeBuild's name for it.
type NamedPhase struct {
	Phase

	Name string
}

// Parse reads a buildspec. An error names what is wrong, or what a rehearsal does not know.
func Parse(content []byte) (*Spec, error) {
	var spec Spec

	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)

	if err := decoder.Decode(&spec); err != nil {
		return nil, fmt.Errorf("read the buildspec: %w", err)
	}

	if spec.Version != "0.2" {
		return nil, fmt.Errorf("the buildspec's version is %q; it must be 0.2", spec.Version)
	}

	if !slices.Contains([]string{"", "sh", "bash"}, spec.Env.Shell) {
		return nil, fmt.Errorf("the buildspec's shell is %q; it must be bash or sh", spec.Env.Shell)
	}

	for _, phase := range spec.All() {
		if !slices.Contains([]string{"", "ABORT", "CONTINUE"}, phase.OnFailure) {
			return nil, fmt.Errorf("on-failure of the phase %s is %q; it must be ABORT or CONTINUE", phase.Name, phase.OnFailure)
		}
	}

	for name, report := range spec.Reports {
		if !slices.Contains([]string{"JUNITXML", "COBERTURAXML"}, report.FileFormat) {
			return nil, fmt.Errorf("the report %s has the format %q; a rehearsal knows JUNITXML and COBERTURAXML", name, report.FileFormat)
		}
	}

	return &spec, nil
}

// All are the phases, in the order in which they run.
func (s *Spec) All() []NamedPhase {
	return []NamedPhase{
		{Name: "install", Phase: s.Phases.Install},
		{Name: "pre_build", Phase: s.Phases.PreBuild},
		{Name: "build", Phase: s.Phases.Build},
		{Name: "post_build", Phase: s.Phases.PostBuild},
	}
}

// Next tells whether a build goes on after a phase that failed: after build, post_build runs all the same.
func (p NamedPhase) Next() bool {
	switch p.OnFailure {
	case "CONTINUE":
		return true
	case "ABORT":
		return false
	default:
		return p.Name == "build"
	}
}

// Uploads tells whether reports and artifacts are uploaded after this phase, the last one to run, failed.
func (p NamedPhase) Uploads() bool {
	return p.OnFailure != "ABORT" && (p.Name == "build" || p.Name == "post_build")
}

// Script runs a list of commands in one shell, up to the first that fails. The shell begins in the folder and with the
// exported variables that the list before it left in the folder state, and leaves its own there.
func (s *Spec) Script(state string, commands []string) string {
	var script strings.Builder

	fmt.Fprintf(&script, `[ ! -f %[1]s/variables ] || . %[1]s/variables
cd "$(cat %[1]s/folder)" || exit
trap 'code=$?; export -p >%[1]s/variables; pwd >%[1]s/folder; exit $code' EXIT
run() {
	echo "[rehearsal] running command $1"
	eval "$1" || { code=$?; echo "[rehearsal] command did not exit successfully: $1 exit status $code"; exit $code; }
}
`, state)

	for _, command := range commands {
		fmt.Fprintf(&script, "run %s\n", quote(command))
	}

	return script.String()
}

// ShellName is the program that runs the commands.
func (s *Spec) ShellName() string {
	if s.Env.Shell == "" {
		return "sh"
	}

	return s.Env.Shell
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
