package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// last is what the last rehearsal has left of a commit, in .build/rehearsal/last: this, and a folder for each artifact.
type last struct {
	Commit string `json:"commit"`
	// Green are the actions that succeeded.
	Green     []string          `json:"green"`
	Variables map[string]string `json:"variables"`
	Builds    map[string]string `json:"builds"`
}

func (e *Environment) lastFolder() string {
	return filepath.Join(e.options.Root, ".build", "rehearsal", "last")
}

const lastFile = "last.json"

// lockLast waits until no other rehearsal of this checkout keeps or takes up what is left.
func (e *Environment) lockLast(ctx context.Context) (unlock func(), err error) {
	return proc.Lock(ctx, e.lastFolder()+".lock")
}

// readLast returns what is left of a commit; nothing of another one.
func (e *Environment) readLast(commit string) (*last, error) {
	found := last{Variables: map[string]string{}, Builds: map[string]string{}}

	content, err := os.ReadFile(filepath.Join(e.lastFolder(), lastFile))
	if err == nil {
		err = json.Unmarshal(content, &found)
	}

	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what the last rehearsal has left: %w", err)
	}

	if found.Commit != commit {
		return &last{Commit: commit, Variables: map[string]string{}, Builds: map[string]string{}}, nil
	}

	return &found, nil
}

// remember keeps what an execution has made, for a part of the pipeline that runs later.
func (e *Environment) remember(ctx context.Context, execution *codepipeline.Execution) error {
	unlock, err := e.lockLast(ctx)
	if err != nil {
		return err
	}

	defer unlock()

	kept, err := e.readLast(execution.Commit)
	if err != nil {
		return err
	}

	if len(kept.Green) == 0 {
		if err = os.RemoveAll(e.lastFolder()); err != nil {
			return fmt.Errorf("remove what an earlier rehearsal has left: %w", err)
		}
	}

	for artifact, key := range execution.Artifacts {
		files, err := e.fetch(ctx, e.admin, artifact, key)
		if err != nil {
			return err
		}

		folder := filepath.Join(e.lastFolder(), artifact)
		if err = errors.Join(os.RemoveAll(folder), os.CopyFS(folder, files)); err != nil {
			return fmt.Errorf("keep the artifact %s: %w", artifact, err)
		}
	}

	for _, result := range execution.Results {
		if result.Err == nil && !slices.Contains(kept.Green, result.Action) {
			kept.Green = append(kept.Green, result.Action)
		}
	}

	maps.Copy(kept.Variables, execution.Variables)
	maps.Copy(kept.Builds, execution.Builds)

	content, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("write what the rehearsal has left: %w", err)
	}

	if err = errors.Join(os.MkdirAll(e.lastFolder(), folderMode), os.WriteFile(filepath.Join(e.lastFolder(), lastFile), content, fileMode)); err != nil {
		return fmt.Errorf("write what the rehearsal has left: %w", err)
	}

	return nil
}

// recall gives an execution of a part what the actions before it have left.
func (e *Environment) recall(ctx context.Context, execution *codepipeline.Execution, part codepipeline.Part) error {
	pipeline := e.runner.Pipeline()

	stages, err := pipeline.Select(part)
	if err != nil {
		return err
	}

	needs := pipeline.Needs(stages)
	if len(needs) == 0 {
		return nil
	}

	unlock, err := e.lockLast(ctx)
	if err != nil {
		return err
	}

	defer unlock()

	kept, err := e.readLast(execution.Commit)
	if err != nil {
		return err
	}

	for _, need := range needs {
		if need.Same {
			return fmt.Errorf("%s needs what %s makes in the account, which is a new one each time: take FROM=%s", need.Of, need.Action, need.Stage)
		}

		if !slices.Contains(kept.Green, need.Action) {
			return fmt.Errorf("%s needs what %s makes of the commit %s, and no rehearsal of it has come so far: take FROM=%s",
				need.Of, need.Action, cut(execution.Commit, shortName), need.Stage)
		}
	}

	maps.Copy(execution.Variables, kept.Variables)
	maps.Copy(execution.Builds, kept.Builds)

	folders, err := os.ReadDir(e.lastFolder())
	if err != nil {
		return fmt.Errorf("find what the last rehearsal has left: %w", err)
	}

	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}

		key, err := e.store(ctx, e.admin, folder.Name(), os.DirFS(filepath.Join(e.lastFolder(), folder.Name())))
		if err != nil {
			return err
		}

		execution.Keep(folder.Name(), key)
	}

	return nil
}
