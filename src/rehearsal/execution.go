package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/load"
)

// rate is how many requests a second the service gets while it is deployed to.
const rate = 250

// ErrRed says that an action failed.
var ErrRed = errors.New("the pipeline is red")

// Execution is one run of the pipeline.
type Execution struct {
	Commit  string
	Results []Result
	// Artifacts are the keys of what actions left, by the artifacts' names.
	Artifacts map[string]string
	// Variables are what actions found out, by Namespace.VARIABLE.
	Variables map[string]string

	number int
	mutex  sync.Mutex
}

// Result is what became of one action.
type Result struct {
	Stage, Action string
	// Detail is a few words on what it did.
	Detail string
	Took   time.Duration
	// Log is the file that has all that it printed.
	Log string
	// Err says why it failed; nil if it did not.
	Err error
}

// Result returns what became of an action; nil if it was not reached.
func (e *Execution) Result(action string) *Result {
	for i := range e.Results {
		if e.Results[i].Action == action {
			return &e.Results[i]
		}
	}

	return nil
}

// Run takes a commit, which Take brought, through the whole pipeline. An error that is ErrRed comes with the execution.
func (e *Environment) Run(ctx context.Context, commit string) (*Execution, error) {
	return e.execute(ctx, &Execution{Commit: commit, Artifacts: map[string]string{}, Variables: map[string]string{}}, "")
}

// Retry runs the pipeline from a stage on, with the artifacts and variables of an earlier execution.
func (e *Environment) Retry(ctx context.Context, earlier *Execution, stage string) (*Execution, error) {
	return e.execute(ctx, earlier.clone(), stage)
}

func (e *Execution) clone() *Execution {
	return &Execution{Commit: e.Commit, Artifacts: maps.Clone(e.Artifacts), Variables: maps.Clone(e.Variables)}
}

func (e *Environment) execute(ctx context.Context, execution *Execution, from string) (*Execution, error) {
	e.executions++
	execution.number = e.executions

	var load *load.Load

	defer func() {
		if load != nil {
			_ = load.Stop()
		}
	}()

	known := slices.IndexFunc(e.pipeline.Stages, func(s codepipeline.Stage) bool { return s.Name == from })
	for _, stage := range e.pipeline.Stages[max(known, 0):] {
		if load == nil && slices.ContainsFunc(stage.Actions, func(a codepipeline.Action) bool { return a.Kind == codepipeline.ECS }) {
			var err error
			if load, err = e.startLoad(ctx); err != nil {
				return execution, err
			}
		}

		for _, group := range stage.Groups() {
			if err := e.runTogether(ctx, execution, stage.Name, group, load); err != nil {
				return execution, err
			}
		}
	}

	return execution, nil
}

// startLoad begins to ask the service as its users do.
func (e *Environment) startLoad(ctx context.Context) (*load.Load, error) {
	if err := e.awaitPrepared(ctx); err != nil {
		return nil, err
	}

	program, err := load.Build(ctx, e.options.Root, e.folder)
	if err != nil {
		return nil, err
	}

	return load.Start(program, e.Address(), rate)
}

// runTogether runs the actions of one run order at the same time. When one fails, the others still come to their end.
func (e *Environment) runTogether(ctx context.Context, execution *Execution, stage string, group []codepipeline.Action, load *load.Load) error {
	if load != nil {
		if _, err := load.Next(); err != nil {
			return err
		}
	}

	results := make([]Result, len(group))

	var actions sync.WaitGroup

	for i, action := range group {
		actions.Go(func() { results[i] = e.runOne(ctx, execution, stage, action) })
	}

	actions.Wait()

	if ctx.Err() != nil {
		return ctx.Err()
	}

	if load != nil {
		asked, err := load.Next()
		if err != nil {
			return err
		}

		judge(&results[len(results)-1], asked, group[0].Kind == codepipeline.ECS)
	}

	failed := false

	for _, result := range results {
		failed = failed || result.Err != nil
		e.show(result)
	}

	execution.Results = append(execution.Results, results...)

	if failed {
		return ErrRed
	}

	return nil
}

// judge says what became of the requests meanwhile. Not one may fail, whatever an action does.
func judge(result *Result, asked load.Summary, tell bool) {
	failures := asked.Failures() + asked.Slow.Failures()

	count := fmt.Sprintf("%d of %d requests, %d of %d slow ones failed", asked.Failures(), asked.Requests, asked.Slow.Failures(), asked.Slow.Requests)
	if tell || failures > 0 {
		result.Detail = strings.TrimPrefix(result.Detail+", "+count, ", ")
	}

	if failures > 0 && result.Err == nil {
		result.Err = fmt.Errorf("%s: %v %v", count, asked.Failed, asked.Slow.Failed)
	}
}

func (e *Environment) runOne(ctx context.Context, execution *Execution, stage string, action codepipeline.Action) Result {
	began := time.Now()
	result := Result{Stage: stage, Action: action.Name}
	result.Log = filepath.Join(e.logs, fmt.Sprintf("%d-%s.log", execution.number, action.Name))

	log, err := os.Create(result.Log)
	if err != nil {
		result.Err = fmt.Errorf("keep a log: %w", err)

		return result
	}

	defer func() { _ = log.Close() }()

	switch action.Kind {
	case codepipeline.Source:
		result.Detail, result.Err = e.source(ctx, execution, action)
	case codepipeline.CodeBuild:
		result.Detail, result.Err = e.build(ctx, execution, action, log)
	case codepipeline.ECS:
		result.Detail, result.Err = e.deploy(ctx, execution, action, log)
	case codepipeline.Approval:
		result.Detail, result.Err = e.approve(ctx, execution, action)
	default: // FromState knows all kinds
		result.Err = fmt.Errorf("a rehearsal does not know how to %s", action.Kind)
	}

	if result.Err != nil {
		fmt.Fprintln(log, result.Err)
	}

	result.Took = time.Since(began)

	return result
}

// show prints a line of the table; of an action that failed, the end of what it printed too.
func (e *Environment) show(result Result) {
	state := "ok"
	if result.Err != nil {
		state = "RED"
	}

	e.sayf("%-8s %-16s %-3s %-58s %6.1f s", result.Stage, result.Action, state, result.Detail, result.Took.Seconds())

	if result.Err != nil {
		content, _ := os.ReadFile(result.Log)
		e.sayf("%s\n%s", tail(string(content)), result.Log)
	}
}

// set notes what an action found out.
func (e *Execution) set(action codepipeline.Action, name, value string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	e.Variables[action.Namespace+"."+name] = value
}

func (e *Execution) variables() map[string]string {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	return maps.Clone(e.Variables)
}

func (e *Execution) keep(artifact, key string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	e.Artifacts[artifact] = key
}

func (e *Execution) artifact(name string) (string, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	key, found := e.Artifacts[name]
	if !found {
		return "", fmt.Errorf("no action has left the artifact %s", name)
	}

	return key, nil
}

// approve asks a person.
func (e *Environment) approve(ctx context.Context, execution *Execution, action codepipeline.Action) (string, error) {
	question, err := codepipeline.Resolve(action.Configuration["CustomData"], execution.variables())
	if err != nil {
		return "", err
	}

	if e.options.Approve == nil {
		return "", errors.New("nobody is there to approve: run the rehearsal in a terminal")
	}

	approved, err := e.options.Approve(ctx, question)
	if err == nil && !approved {
		err = errors.New("rejected")
	}

	return "approved", err
}

// reference is the artifact that stands for a clone, as CodePipeline passes one on with CODEBUILD_CLONE_REF.
type reference struct {
	Commit string `json:"commit"`
	Branch string `json:"branch"`
}
