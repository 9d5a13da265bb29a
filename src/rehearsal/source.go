package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// sourceFile is the file in the artifact of a source action.
const sourceFile = "source.json"

// source passes a commit on, as the connection to the Git host does: by name, for others to clone.
func (e *Environment) source(ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action) (string, error) {
	if format := action.Configuration["OutputArtifactFormat"]; format != "CODEBUILD_CLONE_REF" {
		return "", fmt.Errorf("a rehearsal clones the repository (CODEBUILD_CLONE_REF), it does not know OutputArtifactFormat %s", format)
	}

	branch := action.Configuration["BranchName"]

	message, err := e.commits.run(ctx, "log", "-1", "--format=%B", execution.Commit)
	if err != nil {
		return "", err
	}

	date, err := e.commits.run(ctx, "log", "-1", "--format=%aI", execution.Commit)
	if err != nil {
		return "", err
	}

	for name, value := range map[string]string{
		"CommitId": execution.Commit, "CommitMessage": message, "AuthorDate": date, "BranchName": branch,
		"FullRepositoryName": action.Configuration["FullRepositoryId"], "ConnectionArn": action.Configuration["ConnectionArn"],
	} {
		execution.Set(action, name, value)
	}

	content, err := json.Marshal(reference{Commit: execution.Commit, Branch: branch})
	if err != nil {
		return "", fmt.Errorf("write the reference to the commit: %w", err)
	}

	folder, err := os.MkdirTemp(e.folder, "source-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the reference: %w", err)
	}

	if err = os.WriteFile(filepath.Join(folder, sourceFile), content, fileMode); err != nil {
		return "", fmt.Errorf("write the reference to the commit: %w", err)
	}

	role, err := e.admin.assumeFor(ctx, codePipeline, e.runner.Pipeline().RoleARN)
	if err != nil {
		return "", err
	}

	for _, artifact := range action.Outputs {
		key, err := e.store(ctx, role, artifact, os.DirFS(folder))
		if err != nil {
			return "", err
		}

		execution.Keep(artifact, key)
	}

	before, err := e.commits.ancestors(ctx, execution.Commit, 1)
	if err != nil {
		return "", err
	}

	files, err := e.commits.changed(ctx, append(before, "")[0], execution.Commit)

	return fmt.Sprintf("%s  %d files changed", cut(execution.Commit, shortName), len(files)), err
}

// readReference reads the artifact of a source action; others have no such file.
func readReference(files fs.FS) (*reference, error) {
	content, err := fs.ReadFile(files, sourceFile)
	if err != nil {
		return nil, fmt.Errorf("find out which commit to clone: %w", err)
	}

	var found reference
	if err = json.Unmarshal(content, &found); err != nil {
		return nil, fmt.Errorf("find out which commit to clone: %w", err)
	}

	return &found, nil
}

// shortName is how many digits name a commit to people.
const shortName = 7

// Starts tells whether the pipeline's trigger takes a push that moved a branch from one commit to another, and says so if
// not. Of a new branch, all files count as changed.
func (e *Environment) Starts(ctx context.Context, branch, from, to string) (bool, error) {
	if strings.Trim(from, "0") == "" {
		from = ""
	}

	files, err := e.commits.changed(ctx, from, to)
	if err != nil {
		return false, err
	}

	starts := e.runner.Pipeline().Starts(branch, files)
	if !starts {
		e.sayf("a push to %s of %s does not start the pipeline: see trigger in .infra/cicd/pipeline.tf", branch, strings.Join(files, ", "))
	}

	return starts, nil
}
