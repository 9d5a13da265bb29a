package codepipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"
)

// Execution is one run of a pipeline.
type Execution struct {
	// Number counts the executions of a pipeline.
	Number int
	// ID is the execution's name in AWS, a UUID.
	ID      string
	Commit  string
	Results []Result
	// Artifacts are the keys of what actions left, by the artifacts' names.
	Artifacts map[string]string
	// Variables are what actions found out, by Namespace.VARIABLE.
	Variables map[string]string
	// Builds are the ids of what CodeBuild ran, by the actions' names.
	Builds map[string]string
	// RolledBack is the execution that took a stage which failed back to an earlier one; nil if none did.
	RolledBack *Execution

	// structure is the version of the pipeline's structure in which it started.
	structure int
	rollback  bool
	mutex     sync.Mutex
}

// Result is what became of one action.
type Result struct {
	Stage, Action string
	// Attempt is 1, or more for an action that was retried.
	Attempt int
	// Detail is a few words on what it did.
	Detail string
	Began  time.Time
	Took   time.Duration
	// Log is the file that has all that it printed.
	Log string
	// Err says why it failed; nil if it did not.
	Err error
}

// NewExecution starts with a commit, and with what an earlier execution left; earlier may be nil.
func NewExecution(commit string, earlier *Execution) *Execution {
	e := &Execution{Commit: commit, Artifacts: map[string]string{}, Variables: map[string]string{}, Builds: map[string]string{}}

	if earlier != nil {
		earlier.mutex.Lock()
		defer earlier.mutex.Unlock()

		e.Artifacts, e.Variables, e.Builds = maps.Clone(earlier.Artifacts), maps.Clone(earlier.Variables), maps.Clone(earlier.Builds)
	}

	return e
}

// Result returns what became of an action, of its last attempt; nil if it was not reached.
func (e *Execution) Result(action string) *Result {
	for i := len(e.Results) - 1; i >= 0; i-- {
		if e.Results[i].Action == action {
			return &e.Results[i]
		}
	}

	return nil
}

// Set notes what an action found out.
func (e *Execution) Set(action Action, name, value string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	e.Variables[action.Namespace+"."+name] = value
}

// Built notes the id of an action's build.
func (e *Execution) Built(action, build string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	e.Builds[action] = build
}

// Done are the actions of a pipeline that have come to their end in the execution, as ListActionExecutions tells them: those that have
// succeeded, and those that have failed and not succeeded since.
func (e *Execution) Done(pipeline *Pipeline) []ActionExecution {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	var done []ActionExecution

	for _, stage := range pipeline.Stages {
		for _, action := range stage.Actions {
			found := map[string]string{}

			for name, value := range e.Variables {
				if variable, own := strings.CutPrefix(name, action.Namespace+"."); own && action.Namespace != "" {
					found[variable] = value
				}
			}

			if build := e.Builds[action.Name]; build != "" || action.Kind == Source && len(found) > 0 && !e.rollback {
				done = append(done, ActionExecution{Stage: stage.Name, Action: action.Name, ExternalID: build, Variables: found})
			} else if result := e.Result(action.Name); result != nil && result.Err != nil {
				done = append(done, ActionExecution{Stage: stage.Name, Action: action.Name, Status: Failed})
			}
		}
	}

	return done
}

// Failed and Succeeded are how actions and executions end, and InProgress is before that, in CodePipeline's words.
const (
	Failed     = "Failed"
	Succeeded  = "Succeeded"
	InProgress = "InProgress"
)

// ActionExecution is an action that came to its end.
type ActionExecution struct {
	Stage  string `json:"stageName"`
	Action string `json:"actionName"`
	// Status is Succeeded unless it is given.
	Status string `json:"status,omitempty"`
	// ExternalID is the id of the build that the action ran; empty for other actions.
	ExternalID string            `json:"externalExecutionId"`
	Variables  map[string]string `json:"outputVariables"`
}

// Summary is what ListPipelineExecutions tells of the execution, as JSON.
func (e *Execution) Summary(status string) string {
	kind := map[bool]string{false: "STANDARD", true: "ROLLBACK"}[e.rollback]
	summary := map[string]any{
		"pipelineExecutionId": e.ID, "status": status, "executionType": kind,
		"sourceRevisions": []map[string]string{{"actionName": "Source", "revisionId": e.Commit}},
	}

	text, _ := json.Marshal(summary) // texts alone: never fails

	return string(text)
}

// Resolve puts what actions have found out into a text; see [Resolve].
func (e *Execution) Resolve(text string) (string, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	return Resolve(text, e.Variables)
}

// Keep notes the key of an artifact.
func (e *Execution) Keep(artifact, key string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	e.Artifacts[artifact] = key
}

// Artifact returns the key of an artifact.
func (e *Execution) Artifact(name string) (string, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()

	key, found := e.Artifacts[name]
	if !found {
		return "", fmt.Errorf("no action has left the artifact %s", name)
	}

	return key, nil
}
