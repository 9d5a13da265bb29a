package codepipeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
)

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
		Stage   []stageState `json:"stage"`
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

	stageState struct {
		Name      string        `json:"name"`
		Action    []actionState `json:"action"`
		OnFailure []struct {
			Result    string            `json:"result"`
			Condition []json.RawMessage `json:"condition"`
			Retry     []struct {
				Mode string `json:"retry_mode"`
			} `json:"retry_configuration"`
		} `json:"on_failure"`
		BeforeEntry []json.RawMessage `json:"before_entry"`
		OnSuccess   []json.RawMessage `json:"on_success"`
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
			Image               string               `json:"image"`
			PrivilegedMode      bool                 `json:"privileged_mode"`
			EnvironmentVariable []codebuild.Variable `json:"environment_variable"`
		} `json:"environment"`
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
		project.Image = environment.Image
		project.Privileged = environment.PrivilegedMode
		project.Variables = environment.EnvironmentVariable
	}

	return project
}

func (p *pipelineState) pipeline(projects map[string]*Project) (*Pipeline, error) {
	result := &Pipeline{Name: p.Name, RoleARN: p.RoleARN}

	for _, store := range p.ArtifactStore {
		result.Bucket = store.Location
	}

	var err error
	if result.Triggers, err = p.triggers(); err != nil {
		return nil, err
	}

	for _, state := range p.Stage {
		stage, err := state.stage(projects)
		if err != nil {
			return nil, err
		}

		result.Stages = append(result.Stages, stage)
	}

	return result, nil
}

func (p *pipelineState) triggers() ([]Trigger, error) {
	var found []Trigger

	for _, trigger := range p.Trigger {
		for _, git := range trigger.GitConfiguration {
			for _, push := range git.Push {
				if len(push.Tags) != 0 {
					return nil, errors.New("a rehearsal knows triggers by branch and by file, not by tag")
				}

				found = append(found, Trigger{Branches: merge(push.Branches), Files: merge(push.FilePaths)})
			}
		}
	}

	return found, nil
}

func (s *stageState) stage(projects map[string]*Project) (Stage, error) {
	stage := Stage{Name: s.Name}

	if len(s.BeforeEntry)+len(s.OnSuccess) != 0 {
		return stage, fmt.Errorf("the stage %s: a rehearsal does not know the conditions before_entry and on_success", s.Name)
	}

	for _, onFailure := range s.OnFailure {
		if len(onFailure.Condition) != 0 {
			return stage, fmt.Errorf("the stage %s: a rehearsal does not know conditions in on_failure", s.Name)
		}

		stage.OnFailure = FailureResult(onFailure.Result)
		for _, retry := range onFailure.Retry {
			stage.OnFailure += FailureResult(" " + retry.Mode)
		}

		if !slices.Contains([]FailureResult{RollBack, RetryFailed, RetryAll}, stage.OnFailure) {
			return stage, fmt.Errorf("the stage %s: a rehearsal does not know on_failure %s", s.Name, stage.OnFailure)
		}
	}

	for _, state := range s.Action {
		action, err := state.action(projects)
		if err != nil {
			return stage, fmt.Errorf("the action %s of the stage %s: %w", state.Name, s.Name, err)
		}

		stage.Actions = append(stage.Actions, action)
	}

	slices.SortStableFunc(stage.Actions, func(a, b Action) int { return cmp.Compare(a.RunOrder, b.RunOrder) })

	return stage, nil
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
