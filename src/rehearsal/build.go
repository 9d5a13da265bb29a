package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// build is one run of a CodeBuild project for an action of the pipeline.
type build struct {
	codebuild.Build

	in        *Environment
	execution *codepipeline.Execution
	action    codepipeline.Action
	project   *codepipeline.Project
	role      *identity
	name      string
}

// build runs an action's project, as its role, in a fresh container. name is that of the run.
func (e *Environment) build(
	ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action, name string, log io.Writer,
) (string, error) {
	var printed bytes.Buffer

	b := &build{in: e, execution: execution, action: action, project: action.Project, name: name}
	b.State = stateFolder
	b.Source = path.Join(outputFolder, "src", path.Base(gitHosted))
	b.Log = io.MultiWriter(log, &printed, &watcher{who: action.Name, on: e.progress})
	b.Artifact = filepath.Join(e.folder, "artifact-"+name)
	b.Report = func(report string) string { return filepath.Join(e.logs, name+"-"+report) }

	defer e.progress.does(action.Name, "")

	limited, cancel := context.WithTimeoutCause(ctx, action.Project.Timeout, fmt.Errorf("timed out after %s", action.Project.Timeout))
	defer cancel()

	exported, err := b.run(limited)
	if limited.Err() != nil && ctx.Err() == nil {
		err = errors.Join(context.Cause(limited), err)
	}

	if b.Spec == nil {
		return "", err
	}

	return b.Summary(plain(printed.String()), exported), err
}

func (b *build) run(ctx context.Context) (_ map[string]string, err error) {
	if b.role, err = b.in.admin.assumeFor(ctx, codeBuild, b.project.RoleARN); err != nil {
		return nil, err
	}

	primary, others, err := b.inputs(ctx)
	if err != nil {
		return nil, err
	}

	if err = b.readSpec(ctx, primary.Commit); err != nil {
		return nil, err
	}

	if err = b.environment(ctx, primary); err != nil {
		return nil, err
	}

	if err = b.role.pull(ctx, b.project.Image); err != nil {
		return nil, err
	}

	machine, err := b.in.startContainer(ctx, imageName+"-"+b.in.id+"-"+b.name, b.project)
	if err != nil {
		return nil, err
	}

	defer func() { err = errors.Join(err, machine.remove(ctx)) }()

	if err = machine.clone(ctx, primary.Commit, b.Source); err != nil {
		return nil, err
	}

	for artifact, files := range others {
		if err = machine.write(ctx, files, b.artifactFolder(artifact)); err != nil {
			return nil, fmt.Errorf("unpack the artifact %s: %w", artifact, err)
		}
	}

	b.Machine = machine

	// What CodePipeline knows of the actions before this one.
	if err = b.in.tellCodePipeline(ctx, b.execution, codepipeline.InProgress); err != nil {
		return nil, err
	}

	outcome := b.Run(ctx)
	if outcome.Err != nil {
		return outcome.Exported, outcome.Err
	}

	for name, value := range outcome.Exported {
		b.execution.Set(b.action, name, value)
	}

	b.execution.Built(b.action.Name, b.id())

	return outcome.Exported, b.upload(ctx)
}

// inputs gets the input artifacts as the project's role: the primary source to clone, and the files of the others.
func (b *build) inputs(ctx context.Context) (*reference, map[string]fs.FS, error) {
	main := b.action.Configuration["PrimarySource"]
	if main == "" && len(b.action.Inputs) > 0 {
		main = b.action.Inputs[0]
	}

	var primary *reference

	others := map[string]fs.FS{}

	for _, artifact := range b.action.Inputs {
		key, err := b.execution.Artifact(artifact)
		if err != nil {
			return nil, nil, err
		}

		files, err := b.in.fetch(ctx, b.role, artifact, key)
		if err != nil {
			return nil, nil, err
		}

		if artifact != main {
			others[artifact] = files

			continue
		}

		if primary, err = readReference(files); err != nil {
			return nil, nil, err
		}
	}

	if primary == nil {
		return nil, nil, errors.New("the action has no input artifact to find its buildspec in")
	}

	return primary, others, nil
}

func (b *build) readSpec(ctx context.Context, commit string) error {
	content, err := b.in.commits.run(ctx, "show", commit+":"+b.project.Buildspec)
	if err != nil {
		return fmt.Errorf("find the buildspec: %w", err)
	}

	if b.Spec, err = codebuild.Parse([]byte(content)); err != nil {
		return fmt.Errorf("%s: %w", b.project.Buildspec, err)
	}

	return nil
}

// environment puts the commands' variables together. Those of the pipeline win over those of the project, and these over those
// of the buildspec.
func (b *build) environment(ctx context.Context, primary *reference) error {
	text, err := b.execution.Resolve(b.action.Configuration["EnvironmentVariables"])
	if err != nil {
		return err
	}

	var fromPipeline []codebuild.Variable

	if text != "" {
		if err = json.Unmarshal([]byte(text), &fromPipeline); err != nil {
			return fmt.Errorf("read the action's EnvironmentVariables: %w", err)
		}
	}

	given, err := b.Spec.Variables(func(kind, reference string) (string, error) { return b.role.lookUp(ctx, kind, reference) },
		b.project.Variables, fromPipeline)
	if err != nil {
		return err
	}

	b.Variables = b.in.standIns()
	maps.Copy(b.Variables, b.codebuild(primary))

	for name, value := range b.role.environment() {
		if strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE" {
			b.Variables[name] = value
		}
	}

	maps.Copy(b.Variables, given)

	return nil
}

// codebuild are the variables that CodeBuild sets.
func (b *build) codebuild(primary *reference) map[string]string {
	id := b.id()
	variables := map[string]string{
		"CODEBUILD_BUILD_ID":                id,
		"CODEBUILD_BUILD_ARN":               strings.Replace(b.project.ARN, "project/"+b.project.Name, "build/"+id, 1),
		"CODEBUILD_BUILD_NUMBER":            strconv.Itoa(b.execution.Number),
		"CODEBUILD_INITIATOR":               "codepipeline/" + b.in.runner.Pipeline().Name,
		"CODEBUILD_RESOLVED_SOURCE_VERSION": primary.Commit,
		"CODEBUILD_SOURCE_VERSION":          primary.Commit,
		"CODEBUILD_SRC_DIR":                 b.Source,
		"CODEBUILD_START_TIME":              strconv.FormatInt(time.Now().UnixMilli(), 10),
	}

	for _, artifact := range b.action.Inputs {
		if at := b.artifactFolder(artifact); at != b.Source {
			variables["CODEBUILD_SRC_DIR_"+artifact] = at
		}
	}

	return variables
}

// id is that of the build at CodeBuild.
func (b *build) id() string {
	return fmt.Sprintf("%s:%s-%d", b.project.Name, b.in.id, b.execution.Number)
}

func (b *build) artifactFolder(artifact string) string {
	main := b.action.Configuration["PrimarySource"]
	if artifact == main || main == "" && artifact == b.action.Inputs[0] {
		return b.Source
	}

	return path.Join(outputFolder, artifact)
}

// upload stores the output artifact, as the project's role.
func (b *build) upload(ctx context.Context) error {
	if len(b.action.Outputs) == 0 {
		return nil
	}

	if len(b.action.Outputs) > 1 {
		return errors.New("a rehearsal does not know secondary artifacts: give the action one output")
	}

	if len(b.Spec.Artifacts.Files) == 0 {
		return fmt.Errorf("%s names no artifact, but the action leaves %s", b.project.Buildspec, b.action.Outputs[0])
	}

	key, err := b.in.store(ctx, b.role, b.action.Outputs[0], os.DirFS(b.Artifact))
	if err != nil {
		return err
	}

	b.execution.Keep(b.action.Outputs[0], key)

	return nil
}
