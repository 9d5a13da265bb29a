package codepipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// ErrRed says that an action failed.
var ErrRed = errors.New("the pipeline is red")

// Actions runs the actions of one run order at the same time, all to their end, and returns their results in their order. Its
// error ends the execution, whatever the pipeline says of failures.
type Actions func(ctx context.Context, execution *Execution, stage Stage, actions []Action, attempt int) ([]Result, error)

// Runner takes executions through a pipeline, one after the other.
type Runner struct {
	actions    Actions
	pipeline   *Pipeline
	structure  int
	executions int
	// succeeded are the executions that succeeded in a stage, by the stage's name.
	succeeded map[string][]*Execution
}

// NewRunner returns a runner of a pipeline.
func NewRunner(pipeline *Pipeline, actions Actions) *Runner {
	return &Runner{actions: actions, pipeline: pipeline, succeeded: map[string][]*Execution{}}
}

// Pipeline is the pipeline as it is at present.
func (r *Runner) Pipeline() *Pipeline { return r.pipeline }

// Update takes the pipeline as it was applied again. If that changed its structure, no stage goes back to an earlier execution.
func (r *Runner) Update(pipeline *Pipeline) {
	if !reflect.DeepEqual(pipeline.structure(), r.pipeline.structure()) {
		r.structure++
	}

	r.pipeline = pipeline
}

// structure is the pipeline without the projects, which are things of their own.
func (p *Pipeline) structure() Pipeline {
	bare := *p
	bare.Stages = nil

	for _, stage := range p.Stages {
		stage.Actions = slices.Clone(stage.Actions)
		for i := range stage.Actions {
			stage.Actions[i].Project = nil
		}

		bare.Stages = append(bare.Stages, stage)
	}

	return bare
}

// Run takes an execution through a part of the pipeline. The error is ErrRed if an action failed.
func (r *Runner) Run(ctx context.Context, execution *Execution, part Part) error {
	stages, err := r.pipeline.Select(part)
	if err != nil {
		return err
	}

	r.begin(execution)

	for _, stage := range stages {
		if err := r.run(ctx, execution, stage); err != nil {
			return err
		}
	}

	return nil
}

func (r *Runner) begin(execution *Execution) {
	r.executions++
	execution.Number, execution.structure = r.executions, r.structure
	execution.ID = newID()
	execution.Variables["codepipeline.PipelineExecutionId"] = execution.ID
}

// newID returns a random UUID.
func newID() string {
	var id [16]byte

	_, _ = rand.Read(id[:]) // never fails

	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// run runs a stage, and does what it is configured to do when it fails.
func (r *Runner) run(ctx context.Context, execution *Execution, stage Stage) error {
	err := r.attempt(ctx, execution, stage, 1)

	if errors.Is(err, ErrRed) && (stage.OnFailure == RetryFailed || stage.OnFailure == RetryAll) {
		err = r.attempt(ctx, execution, stage, 2)
	}

	if err == nil {
		r.succeeded[stage.Name] = append(r.succeeded[stage.Name], execution)
	}

	if target := r.target(execution, stage); errors.Is(err, ErrRed) && target != nil {
		back := NewExecution(target.Commit, target)
		back.rollback = true
		back.Builds = map[string]string{} // it lists its own actions alone
		execution.RolledBack = back

		r.begin(back)

		if failure := r.run(ctx, back, stage); failure != nil && !errors.Is(failure, ErrRed) {
			return failure
		}
	}

	return err
}

// attempt runs a stage's actions, those of a run order together; a second time, what has not succeeded.
func (r *Runner) attempt(ctx context.Context, execution *Execution, stage Stage, number int) error {
	left := stage

	if number > 1 && stage.OnFailure == RetryFailed {
		left.Actions = slices.DeleteFunc(slices.Clone(stage.Actions), func(action Action) bool {
			result := execution.Result(action.Name)

			return result != nil && result.Err == nil
		})
	}

	for _, group := range left.Groups() {
		results, err := r.actions(ctx, execution, stage, group, number)
		if err != nil {
			return err
		}

		execution.Results = append(execution.Results, results...)

		if slices.ContainsFunc(results, func(result Result) bool { return result.Err != nil }) {
			return ErrRed
		}
	}

	return nil
}

// target is the execution that a stage which failed goes back to; nil if there is none: the stage is not configured to, nothing
// succeeded in it since the pipeline's structure changed, or it is a rollback itself that failed.
func (r *Runner) target(failed *Execution, stage Stage) *Execution {
	if stage.OnFailure != RollBack || failed.rollback {
		return nil
	}

	for _, earlier := range slices.Backward(r.succeeded[stage.Name]) {
		if !earlier.rollback && earlier.structure == r.structure {
			return earlier
		}
	}

	return nil
}
