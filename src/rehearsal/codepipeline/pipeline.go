// Package codepipeline does what CodePipeline does: it takes executions through the stages of a pipeline, which it reads from the
// state of the stack that made it. How an action is run is for its caller to say.
package codepipeline

import (
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
)

// Kind is what an action does: its category and its provider.
type Kind string

// The kinds of actions that a rehearsal knows.
const (
	Source    Kind = "Source by CodeStarSourceConnection"
	CodeBuild Kind = "CodeBuild" // categories Build and Test differ in nothing but their name
	ECS       Kind = "Deploy by ECS"
	Approval  Kind = "Approval by Manual"
)

// Pipeline is a pipeline as it is applied.
type Pipeline struct {
	Name    string
	RoleARN string
	// Bucket keeps the artifacts.
	Bucket   string
	Stages   []Stage
	Triggers []Trigger
}

// Stage is a list of actions. Those of a run order run at the same time, after those of a lower one.
type Stage struct {
	Name    string
	Actions []Action
	// OnFailure is what CodePipeline does when an action of the stage fails; empty is nothing.
	OnFailure FailureResult
}

// FailureResult is what becomes of a stage that failed.
type FailureResult string

// What CodePipeline can do with a stage that failed, besides leaving it at that.
const (
	RollBack    FailureResult = "ROLLBACK"             // to the last execution that succeeded in the stage
	RetryFailed FailureResult = "RETRY FAILED_ACTIONS" // once, what failed and what comes after it
	RetryAll    FailureResult = "RETRY ALL_ACTIONS"    // once, the whole stage
)

// Groups are the actions of a stage, those of the same run order together.
func (s Stage) Groups() [][]Action {
	var groups [][]Action

	for _, action := range s.Actions {
		if last := len(groups) - 1; last >= 0 && groups[last][0].RunOrder == action.RunOrder {
			groups[last] = append(groups[last], action)
		} else {
			groups = append(groups, []Action{action})
		}
	}

	return groups
}

// Action is one action.
type Action struct {
	Name      string
	Kind      Kind
	RunOrder  int
	Namespace string
	// RoleARN is the action's own role; empty: the pipeline's.
	RoleARN         string
	Inputs, Outputs []string
	Configuration   map[string]string
	// Project is what a CodeBuild action runs.
	Project *Project
}

// Project is a CodeBuild project.
type Project struct {
	Name, ARN, RoleARN string
	// Buildspec is the path of the file in the repository.
	Buildspec string
	Timeout   time.Duration
	// Image is that of the build machine.
	Image string
	// Privileged projects get Docker.
	Privileged bool
	Variables  []codebuild.Variable
}

// Trigger is what of a push starts the pipeline.
type Trigger struct {
	Branches, Files Filter
}

// Filter is a pair of pattern lists; empty lists include all and exclude nothing.
type Filter struct {
	Includes []string `json:"includes"`
	Excludes []string `json:"excludes"`
}

func merge(filters []Filter) Filter {
	var all Filter
	for _, filter := range filters {
		all.Includes = append(all.Includes, filter.Includes...)
		all.Excludes = append(all.Excludes, filter.Excludes...)
	}

	return all
}

// Starts tells whether a push of these changed files to a branch starts the pipeline.
func (p *Pipeline) Starts(branch string, files []string) bool {
	return slices.ContainsFunc(p.Triggers, func(t Trigger) bool {
		return t.Branches.passes(branch) && slices.ContainsFunc(files, t.Files.passes)
	})
}

func (f Filter) passes(name string) bool {
	matches := func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) }

	return (len(f.Includes) == 0 || slices.ContainsFunc(f.Includes, matches)) && !slices.ContainsFunc(f.Excludes, matches)
}
