// Package codepipeline reads a pipeline from the state of the stack that made it: stages, order, projects, variables, roles.
package codepipeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	tfjson "github.com/hashicorp/terraform-json"
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
}

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
	// Privileged projects get Docker.
	Privileged bool
	// Cached projects keep what their buildspec's cache names.
	Cached    bool
	Variables []Variable
}

// Variable is an environment variable. Its type is PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER; empty is PLAINTEXT.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
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

// FromState finds the one pipeline in a state. A kind of action that a rehearsal does not know is an error that names it.
func FromState(state *tfjson.State) (*Pipeline, error) {
	if state == nil || state.Values == nil || state.Values.RootModule == nil {
		return nil, errors.New("the state is empty: is the cicd stack applied?")
	}

	var found *pipelineState

	projects := map[string]*Project{}

	for _, resource := range state.Values.RootModule.Resources {
		switch resource.Type {
		case "aws_codepipeline":
			if found != nil {
				return nil, errors.New("the state has more than one pipeline")
			}

			found = &pipelineState{}
			if err := decode(resource.AttributeValues, found); err != nil {
				return nil, fmt.Errorf("read %s: %w", resource.Address, err)
			}
		case "aws_codebuild_project":
			var project projectState
			if err := decode(resource.AttributeValues, &project); err != nil {
				return nil, fmt.Errorf("read %s: %w", resource.Address, err)
			}

			projects[project.Name] = project.project()
		}
	}

	if found == nil {
		return nil, errors.New("the state has no pipeline")
	}

	return found.pipeline(projects)
}

// The attributes of the provider's resources that a rehearsal reads.
type (
	pipelineState struct {
		Name          string `json:"name"`
		RoleARN       string `json:"role_arn"`
		ArtifactStore []struct {
			Location string `json:"location"`
		} `json:"artifact_store"`
		Stage []struct {
			Name   string        `json:"name"`
			Action []actionState `json:"action"`
		} `json:"stage"`
		Trigger []struct {
			GitConfiguration []struct {
				Push []struct {
					Branches  []Filter `json:"branches"`
					FilePaths []Filter `json:"file_paths"`
					Tags      []Filter `json:"tags"`
				} `json:"push"`
			} `json:"git_configuration"`
		} `json:"trigger"`
	}

	actionState struct {
		Name            string            `json:"name"`
		Category        string            `json:"category"`
		Owner           string            `json:"owner"`
		Provider        string            `json:"provider"`
		RunOrder        int               `json:"run_order"`
		Namespace       string            `json:"namespace"`
		RoleARN         string            `json:"role_arn"`
		InputArtifacts  []string          `json:"input_artifacts"`
		OutputArtifacts []string          `json:"output_artifacts"`
		Configuration   map[string]string `json:"configuration"`
	}

	projectState struct {
		Name         string `json:"name"`
		ARN          string `json:"arn"`
		ServiceRole  string `json:"service_role"`
		BuildTimeout int    `json:"build_timeout"`
		Source       []struct {
			Buildspec string `json:"buildspec"`
		} `json:"source"`
		Environment []struct {
			PrivilegedMode      bool       `json:"privileged_mode"`
			EnvironmentVariable []Variable `json:"environment_variable"`
		} `json:"environment"`
		Cache []struct {
			Type string `json:"type"`
		} `json:"cache"`
	}
)

func decode(values map[string]any, into any) error {
	text, err := json.Marshal(values)
	if err != nil {
		return fmt.Errorf("write attributes: %w", err)
	}

	if err = json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read attributes: %w", err)
	}

	return nil
}

func (p *projectState) project() *Project {
	project := &Project{Name: p.Name, ARN: p.ARN, RoleARN: p.ServiceRole, Timeout: time.Duration(p.BuildTimeout) * time.Minute}

	for _, source := range p.Source {
		project.Buildspec = source.Buildspec
	}

	for _, environment := range p.Environment {
		project.Privileged = environment.PrivilegedMode
		project.Variables = environment.EnvironmentVariable
	}

	for _, cache := range p.Cache {
		project.Cached = cache.Type != "NO_CACHE"
	}

	return project
}

func (p *pipelineState) pipeline(projects map[string]*Project) (*Pipeline, error) {
	result := &Pipeline{Name: p.Name, RoleARN: p.RoleARN}

	for _, store := range p.ArtifactStore {
		result.Bucket = store.Location
	}

	for _, trigger := range p.Trigger {
		for _, git := range trigger.GitConfiguration {
			for _, push := range git.Push {
				if len(push.Tags) != 0 {
					return nil, errors.New("a rehearsal knows triggers by branch and by file, not by tag")
				}

				result.Triggers = append(result.Triggers, Trigger{Branches: merge(push.Branches), Files: merge(push.FilePaths)})
			}
		}
	}

	for _, stage := range p.Stage {
		actions := make([]Action, 0, len(stage.Action))

		for _, state := range stage.Action {
			action, err := state.action(projects)
			if err != nil {
				return nil, fmt.Errorf("the action %s of the stage %s: %w", state.Name, stage.Name, err)
			}

			actions = append(actions, action)
		}

		slices.SortStableFunc(actions, func(a, b Action) int { return cmp.Compare(a.RunOrder, b.RunOrder) })
		result.Stages = append(result.Stages, Stage{Name: stage.Name, Actions: actions})
	}

	return result, nil
}

func (a *actionState) action(projects map[string]*Project) (Action, error) {
	action := Action{
		Name: a.Name, RunOrder: a.RunOrder, Namespace: a.Namespace, RoleARN: a.RoleARN,
		Inputs: a.InputArtifacts, Outputs: a.OutputArtifacts, Configuration: a.Configuration,
	}

	switch kind := Kind(a.Category + " by " + a.Provider); {
	case a.Owner != "AWS":
		return action, fmt.Errorf("a rehearsal does not know actions of the owner %s", a.Owner)
	case kind == Source, kind == ECS, kind == Approval:
		action.Kind = kind
	case kind == "Build by CodeBuild", kind == "Test by CodeBuild":
		action.Kind = CodeBuild
		action.Project = projects[a.Configuration["ProjectName"]]

		if action.Project == nil {
			return action, fmt.Errorf("there is no project %q", a.Configuration["ProjectName"])
		}
	default:
		return action, fmt.Errorf("a rehearsal does not know how to %s", kind)
	}

	return action, nil
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

// reference is how a configuration names what an earlier action found out: #{Namespace.VARIABLE}.
var reference = regexp.MustCompile(`#\{([^.{}]+)\.([^{}]+)\}`)

// Resolve puts the values of variables, by Namespace.VARIABLE, into a text. One that nobody has set is an error.
func Resolve(text string, variables map[string]string) (string, error) {
	var missing []string

	resolved := reference.ReplaceAllStringFunc(text, func(found string) string {
		value, known := variables[strings.TrimSuffix(strings.TrimPrefix(found, "#{"), "}")]
		if !known {
			missing = append(missing, found)
		}

		return value
	})

	if len(missing) != 0 {
		return "", fmt.Errorf("no action has set %s", strings.Join(missing, ", "))
	}

	return resolved, nil
}
