package codebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
)

// Machine is what a build runs on.
type Machine interface {
	// Run runs a program with these environment variables.
	Run(ctx context.Context, variables map[string]string, output io.Writer, program ...string) error
	// Read writes the files of a folder to archive, as a tar.
	Read(ctx context.Context, folder string, archive io.Writer) error
}

// Build is a run of a project, on a machine that has the source already.
type Build struct {
	Spec    *Spec
	Machine Machine
	// Source is the folder of the primary source on the machine; State is the folder in which one shell leaves what the next
	// begins with, see [Spec.Script].
	Source, State string
	// Variables are the commands' environment.
	Variables map[string]string
	// Log takes what the commands print.
	Log io.Writer
	// Artifact is the folder that the output artifact is put together in.
	Artifact string
	// Report returns the folder that a report is kept in.
	Report func(name string) string
}

// Outcome is what became of a build.
type Outcome struct {
	// Err says why it failed; nil if it did not.
	Err error
	// Exported are the values of the exported variables.
	Exported map[string]string
}

// Run runs the phases, then keeps what the build reports and leaves.
func (b *Build) Run(ctx context.Context) Outcome {
	uploads, err := b.phases(ctx)
	outcome := Outcome{Err: err}

	// Where a build ends without its upload phase, reports and artifacts are lost.
	if uploads {
		b.reports(ctx)
	}

	if err == nil {
		outcome.Err = b.artifacts(ctx)
	}

	if outcome.Err == nil {
		outcome.Exported, outcome.Err = b.exported(ctx)
	}

	return outcome
}

// phases runs the buildspec's phases in their order, and tells whether what they leave is uploaded.
func (b *Build) phases(ctx context.Context) (uploads bool, failure error) {
	for _, phase := range b.Spec.All() {
		if len(phase.Commands)+len(phase.Finally) == 0 {
			continue
		}

		b.Variables["CODEBUILD_BUILD_SUCCEEDING"] = "1"
		if failure != nil {
			b.Variables["CODEBUILD_BUILD_SUCCEEDING"] = "0"
		}

		fmt.Fprintf(b.Log, "[rehearsal] entering phase %s\n", phase.Name)

		err := b.shell(ctx, phase.Commands)
		if err == nil || ctx.Err() == nil {
			err = errors.Join(err, b.shell(ctx, phase.Finally))
		}

		if err == nil {
			continue
		}

		failure = errors.Join(failure, fmt.Errorf("phase %s: %w", phase.Name, err))

		if ctx.Err() != nil {
			return false, failure
		}

		if !phase.Next() {
			return phase.Uploads(), failure
		}
	}

	return true, failure
}

// shell runs a list of commands in one shell.
func (b *Build) shell(ctx context.Context, commands []string) error {
	if len(commands) == 0 {
		return nil
	}

	if err := b.Machine.Run(ctx, b.Variables, b.Log, b.Spec.ShellName(), "-c", b.Spec.Script(b.State, commands)); err != nil {
		return fmt.Errorf("a command failed: %w", err)
	}

	return nil
}

// reports keeps the files of the reports. A report without files fails nothing.
func (b *Build) reports(ctx context.Context) {
	for name, report := range b.Spec.Reports {
		if count, err := b.copyOut(ctx, report.BaseDirectory, report.Files, b.Report(name)); err != nil || count == 0 {
			fmt.Fprintf(b.Log, "[rehearsal] the report %s has no files\n", name)
		}
	}
}

func (b *Build) artifacts(ctx context.Context) error {
	if len(b.Spec.Artifacts.Files) == 0 {
		return nil
	}

	count, err := b.copyOut(ctx, b.Spec.Artifacts.BaseDirectory, b.Spec.Artifacts.Files, b.Artifact)
	if err == nil && count == 0 {
		err = fmt.Errorf("no file is an artifact: none below %q matches %v", b.Spec.Artifacts.BaseDirectory, b.Spec.Artifacts.Files)
	}

	return err
}

// exported reads the exported variables from where the last shell left them.
func (b *Build) exported(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}

	for _, name := range b.Spec.Env.ExportedVariables {
		var value writer

		script := fmt.Sprintf(`[ ! -f %[1]s/variables ] || . %[1]s/variables; printf %%s "$%[2]s"`, b.State, name)
		if err := b.Machine.Run(ctx, nil, &value, b.Spec.ShellName(), "-c", script); err != nil {
			return nil, fmt.Errorf("read the exported variable %s: %w", name, err)
		}

		found[name] = string(value)
	}

	return found, nil
}

type writer []byte

// Write appends.
func (w *writer) Write(data []byte) (int, error) {
	*w = append(*w, data...)

	return len(data), nil
}

// copyOut copies the files below a folder of the machine that match one of the patterns, and returns how many there were.
func (b *Build) copyOut(ctx context.Context, base string, patterns []string, to string) (int, error) {
	if !path.IsAbs(base) {
		base = path.Join(b.Source, base)
	}

	reader, archive := io.Pipe()

	go func() { archive.CloseWithError(b.Machine.Read(ctx, base, archive)) }()

	count, err := Extract(reader, patterns, filepath.Clean(to))
	_ = reader.Close() // so that Read ends

	if err != nil {
		return count, fmt.Errorf("read %s: %w", base, err)
	}

	return count, nil
}

// Variables are the environment variables that commands get, the later ones of several with a name: those of the buildspec,
// of the project, and of the pipeline's action. lookUp returns the value of one that is kept elsewhere. They are looked up in a
// fixed order, parameters before secrets, so that what is wrong with several is the same error each time.
func (s *Spec) Variables(lookUp func(kind, reference string) (string, error), given ...[]Variable) (map[string]string, error) {
	var all []Variable

	for _, own := range []struct {
		kind   string
		values map[string]string
	}{
		{"PLAINTEXT", s.Env.Variables},
		{"PARAMETER_STORE", s.Env.ParameterStore},
		{"SECRETS_MANAGER", s.Env.SecretsManager},
	} {
		for _, name := range slices.Sorted(maps.Keys(own.values)) {
			all = append(all, Variable{Name: name, Value: own.values[name], Type: own.kind})
		}
	}

	found := map[string]string{}

	for _, variable := range append(all, slices.Concat(given...)...) {
		found[variable.Name] = variable.Value

		if variable.Type == "" || variable.Type == "PLAINTEXT" {
			continue
		}

		var err error
		if found[variable.Name], err = lookUp(variable.Type, variable.Value); err != nil {
			return nil, err
		}
	}

	return found, nil
}

// Variable is an environment variable. Its type is PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER; empty is PLAINTEXT.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}
