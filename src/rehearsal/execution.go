package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/load"
)

// rate is how many requests a second the service gets while it is deployed to.
const rate = 100

// Run takes a commit, which Take brought, through a part of the pipeline, with what it needs from the last run of the same commit. An
// error that is [codepipeline.ErrRed] comes with the execution.
func (e *Environment) Run(ctx context.Context, commit string, part codepipeline.Part) (*codepipeline.Execution, error) {
	execution := codepipeline.NewExecution(commit, nil)
	if err := e.recall(ctx, execution, part); err != nil {
		return nil, err
	}

	err := e.execute(ctx, execution, part)
	if err == nil || errors.Is(err, codepipeline.ErrRed) {
		err = errors.Join(err, e.remember(ctx, execution))
	}

	return execution, err
}

// Retry runs the pipeline from a stage on, with the artifacts and variables of an earlier execution.
func (e *Environment) Retry(ctx context.Context, earlier *codepipeline.Execution, stage string) (*codepipeline.Execution, error) {
	execution := codepipeline.NewExecution(earlier.Commit, earlier)

	return execution, e.execute(ctx, execution, codepipeline.Part{From: stage})
}

func (e *Environment) execute(ctx context.Context, execution *codepipeline.Execution, part codepipeline.Part) error {
	defer func() {
		if e.load != nil {
			_ = e.load.Stop()
			e.load = nil
		}
	}()

	err := e.runner.Run(ctx, execution, part)
	if err != nil && !errors.Is(err, codepipeline.ErrRed) {
		return err
	}

	status := codepipeline.Succeeded
	if err != nil {
		status = codepipeline.Failed
	}

	return errors.Join(err, e.tellCodePipeline(ctx, execution, status))
}

// tellCodePipeline has the emulator list an execution, and its actions.
func (e *Environment) tellCodePipeline(ctx context.Context, execution *codepipeline.Execution, status string) error {
	pipeline := e.runner.Pipeline()

	return errors.Join(
		e.cloud.ReportExecution(ctx, pipeline.Name, execution.Summary(status)),
		e.cloud.ReportActions(ctx, pipeline.Name, execution.ID, execution.Done(pipeline)),
	)
}

// startLoad begins to ask the service of an environment as its users do, from the first action on that finds it there.
func (e *Environment) startLoad(ctx context.Context, stage codepipeline.Stage) error {
	env := deliversTo(stage)
	if env == "" || e.load != nil && e.loaded == env {
		return nil
	}

	if err := e.awaitPrepared(ctx); err != nil {
		return err
	}

	if e.load != nil {
		_ = e.load.Stop()
		e.load = nil
	}

	site := e.sites.of(env)
	if !site.there() {
		return nil // the stage is about to make it
	}

	program, err := load.Build(ctx, e.options.Root, e.folder)
	if err != nil {
		return err
	}

	e.load, err = load.Start(program, load.Target{URL: site.url(), Address: site.dial(), Authority: e.authorityFile()}, rate)
	e.loaded = env

	return err
}

// deliversTo is the environment that a stage delivers to; empty if it delivers to none.
func deliversTo(stage codepipeline.Stage) string {
	for _, action := range stage.Actions {
		if action.Kind == codepipeline.ECS {
			return strings.TrimPrefix(action.Configuration["ClusterName"], "app-")
		}
	}

	return ""
}

// runTogether runs actions at the same time, while the service is asked. When one fails, the others still come to their end.
func (e *Environment) runTogether(
	ctx context.Context, execution *codepipeline.Execution, stage codepipeline.Stage, group []codepipeline.Action, attempt int,
) ([]codepipeline.Result, error) {
	if err := e.startLoad(ctx, stage); err != nil {
		return nil, err
	}

	if e.load != nil {
		before, err := e.load.Next()
		if err != nil {
			return nil, err
		}

		e.seconds = append(e.seconds, before.Each...)
	}

	results := make([]codepipeline.Result, len(group))

	var actions sync.WaitGroup

	for i, action := range group {
		actions.Go(func() { results[i] = e.runOne(ctx, execution, stage.Name, action, attempt) })
	}

	actions.Wait()

	if ctx.Err() != nil {
		return nil, ctx.Err()
	}

	if e.load != nil {
		asked, err := e.load.Next()
		if err != nil {
			return nil, err
		}

		e.seconds = append(e.seconds, asked.Each...)
		countFailures(&results[len(results)-1], asked, group[0])
	}

	for _, result := range results {
		e.show(result)
	}

	return results, nil
}

// countFailures adds what became of the requests meanwhile. Not one may fail, whatever an action does; but those of a new version at the one
// box are for Bake to see.
func countFailures(result *codepipeline.Result, asked load.Summary, action codepipeline.Action) {
	failures := asked.Failures() + asked.Slow.Failures()

	count := fmt.Sprintf("%d of %d requests, %d of %d slow ones failed", asked.Failures(), asked.Requests, asked.Slow.Failures(), asked.Slow.Requests)
	if failures > 0 {
		count += fmt.Sprintf(": %v %v", asked.Failed, asked.Slow.Failed)
	}

	if action.Kind == codepipeline.ECS || failures > 0 {
		result.Detail = strings.TrimPrefix(result.Detail+", "+count, ", ")
	}

	if failures > 0 && result.Err == nil && action.Configuration["ServiceName"] != service+"-onebox" {
		result.Err = errors.New(count)
	}
}

func (e *Environment) runOne(ctx context.Context, execution *codepipeline.Execution, stage string, action codepipeline.Action, attempt int) codepipeline.Result {
	result := codepipeline.Result{Stage: stage, Action: action.Name, Attempt: attempt, Began: time.Now()}
	result.Log = filepath.Join(e.logs, runName(execution, action, attempt)+".log")

	log, err := os.Create(result.Log)
	if err != nil {
		result.Err = fmt.Errorf("keep a log: %w", err)

		return result
	}

	defer func() { _ = log.Close() }()

	result.Detail, result.Err = e.Act(ctx, execution, action, attempt, log)
	if result.Err != nil {
		fmt.Fprintln(log, result.Err)
	}

	result.Took = time.Since(result.Began)

	return result
}

// runName names what a run of an action leaves on this machine.
func runName(execution *codepipeline.Execution, action codepipeline.Action, attempt int) string {
	name := fmt.Sprintf("%d-%s", execution.Number, action.Name)
	if attempt > 1 {
		name += fmt.Sprintf("-%d", attempt)
	}

	return name
}

// Act runs one action, and returns a few words on what it did.
func (e *Environment) Act(ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action, attempt int, log io.Writer) (string, error) {
	switch action.Kind {
	case codepipeline.Source:
		return e.source(ctx, execution, action)
	case codepipeline.CodeBuild:
		return e.build(ctx, execution, action, runName(execution, action, attempt), log)
	case codepipeline.ECS:
		return e.deploy(ctx, execution, action, log)
	case codepipeline.Approval:
		return e.approve(ctx, execution, action)
	default: // FromState knows all kinds
		return "", fmt.Errorf("a rehearsal does not know how to %s", action.Kind)
	}
}

// show prints a line of the table; of an action that failed, the end of what it printed too.
func (e *Environment) show(result codepipeline.Result) {
	state := "ok"
	if result.Err != nil {
		state = "RED"
	}

	stage, action := e.columns()
	e.sayf("%-*s %-*s %-3s %-58s %6.1f s", stage, result.Stage, action, result.Action, state, result.Detail, result.Took.Seconds())

	if result.Err != nil {
		content, _ := os.ReadFile(result.Log)
		e.sayf("%s\n%s", tail(string(content)), result.Log)
	}
}

// columns are how wide the table's names of stages and actions are.
func (e *Environment) columns() (stages, actions int) {
	for _, stage := range e.runner.Pipeline().Stages {
		stages = max(stages, len(stage.Name))

		for _, action := range stage.Actions {
			actions = max(actions, len(action.Name))
		}
	}

	return stages, actions
}

// approve asks a person.
func (e *Environment) approve(ctx context.Context, execution *codepipeline.Execution, action codepipeline.Action) (string, error) {
	question, err := execution.Resolve(action.Configuration["CustomData"])
	if err != nil {
		return "", err
	}

	if err = codepipeline.CheckCustomData(question); err != nil {
		return "", err
	}

	if e.options.Approve == nil {
		return "", errors.New("no one can approve here: run the rehearsal in a terminal")
	}

	approved, err := e.options.Approve(ctx, question)
	if err != nil {
		return "", err
	}

	if !approved {
		return "", errors.New("rejected")
	}

	return "approved", nil
}

// reference is the artifact that stands for a clone, as CodePipeline passes one on with CODEBUILD_CLONE_REF.
type reference struct {
	Commit string `json:"commit"`
	Branch string `json:"branch"`
}
