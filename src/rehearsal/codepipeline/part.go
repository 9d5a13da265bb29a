package codepipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Part is a part of a pipeline; empty is all of it.
type Part struct {
	// From and Until are the first and the last stage.
	From, Until string
	// Only is one stage or one action.
	Only string
}

// Select returns the stages and actions of a part, in their order. The actions that fetch the source are always among them.
func (p *Pipeline) Select(part Part) ([]Stage, error) {
	if part.Only != "" && (part.From != "" || part.Until != "") {
		return nil, errors.New("ONLY is given alone, without FROM and UNTIL")
	}

	first, err := p.stage(part.From, 0)
	if err != nil {
		return nil, err
	}

	last, err := p.stage(part.Until, len(p.Stages)-1)
	if err != nil {
		return nil, err
	}

	if first > last {
		return nil, fmt.Errorf("the stage %s comes after %s: nothing is left between FROM and UNTIL", part.From, part.Until)
	}

	var chosen []Stage

	found := part.Only == ""

	for number, stage := range p.Stages {
		within := number >= first && number <= last
		wanted := func(action Action) bool {
			return within && (part.Only == "" || part.Only == stage.Name || part.Only == action.Name)
		}

		all := stage.Actions
		found = found || slices.ContainsFunc(all, wanted)

		stage.Actions = slices.DeleteFunc(slices.Clone(all), func(action Action) bool { return action.Kind != Source && !wanted(action) })
		if len(stage.Actions) > 0 {
			chosen = append(chosen, stage)
		}
	}

	if !found {
		return nil, fmt.Errorf("the pipeline has no stage or action %q; it has %s", part.Only, p.names())
	}

	return chosen, nil
}

// stage is the number of a stage; without a name, the one given.
func (p *Pipeline) stage(name string, otherwise int) (int, error) {
	if name == "" {
		return otherwise, nil
	}

	names := make([]string, len(p.Stages))
	for i, stage := range p.Stages {
		names[i] = stage.Name
	}

	number := slices.Index(names, name)
	if number < 0 {
		return 0, fmt.Errorf("the pipeline has no stage %q; it has %s", name, strings.Join(names, ", "))
	}

	return number, nil
}

// names are all stages, each with its actions.
func (p *Pipeline) names() string {
	all := make([]string, len(p.Stages))

	for i, stage := range p.Stages {
		actions := make([]string, len(stage.Actions))
		for j, action := range stage.Actions {
			actions[j] = action.Name
		}

		all[i] = fmt.Sprintf("%s (%s)", stage.Name, strings.Join(actions, ", "))
	}

	return strings.Join(all, ", ")
}

// Need is an action that is left out, of which another needs what it made.
type Need struct {
	// Stage and Action made it, Of needs it.
	Stage, Action, Of string
	// Same tells that both are of one stage.
	Same bool
}

// Needs are the actions that a choice leaves out although it needs their artifacts or variables.
func (p *Pipeline) Needs(chosen []Stage) []Need {
	runs := map[string]bool{}

	for _, stage := range chosen {
		for _, action := range stage.Actions {
			runs[action.Name] = true
		}
	}

	var needs []Need

	for _, stage := range chosen {
		for _, action := range stage.Actions {
			for _, maker := range p.Stages {
				for _, made := range maker.Actions {
					if !runs[made.Name] && action.needs(made) {
						needs = append(needs, Need{Stage: maker.Name, Action: made.Name, Of: action.Name, Same: maker.Name == stage.Name})
					}
				}
			}
		}
	}

	return needs
}

// needs tells whether an action takes an artifact or a variable of another.
func (a Action) needs(other Action) bool {
	if slices.ContainsFunc(a.Inputs, func(input string) bool { return slices.Contains(other.Outputs, input) }) {
		return true
	}

	for _, text := range a.Configuration {
		for _, found := range reference.FindAllStringSubmatch(text, -1) {
			if found[1] == other.Namespace {
				return true
			}
		}
	}

	return false
}
