package codepipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

func parted() *codepipeline.Pipeline {
	return &codepipeline.Pipeline{Stages: []codepipeline.Stage{
		{Name: "Source", Actions: []codepipeline.Action{{Name: "Source", Kind: codepipeline.Source, Outputs: []string{"source"}}}},
		{Name: "Test", Actions: []codepipeline.Action{{Name: "Lint", Inputs: []string{"source"}}, {Name: "Unit", Inputs: []string{"source"}}}},
		{Name: "Build", Actions: []codepipeline.Action{{Name: "Build", Namespace: "Build", Inputs: []string{"source"}, Outputs: []string{"image"}}}},
		{Name: "Deploy", Actions: []codepipeline.Action{
			{Name: "Push", Namespace: "Push", Inputs: []string{"source", "image"}, Configuration: map[string]string{"Variables": "#{Build.ID} #{codepipeline.ID}"}},
			{Name: "Roll", Inputs: []string{"source"}, Configuration: map[string]string{"Variables": "#{Push.DIGEST}"}},
		}},
	}}
}

func TestPart(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		part codepipeline.Part
		// runs are the actions; needs are those that must have run before.
		runs, needs string
	}{
		"everything":             {codepipeline.Part{}, "Source Lint Unit Build Push Roll", ""},
		"from a stage on":        {codepipeline.Part{From: "Build"}, "Source Build Push Roll", ""},
		"from one that needs":    {codepipeline.Part{From: "Deploy"}, "Source Push Roll", "Build of Build for Push"},
		"until a stage":          {codepipeline.Part{Until: "Test"}, "Source Lint Unit", ""},
		"from and until":         {codepipeline.Part{From: "Test", Until: "Build"}, "Source Lint Unit Build", ""},
		"only an action":         {codepipeline.Part{Only: "Unit"}, "Source Unit", ""},
		"only a stage":           {codepipeline.Part{Only: "Test"}, "Source Lint Unit", ""},
		"only the source":        {codepipeline.Part{Only: "Source"}, "Source", ""},
		"what the account needs": {codepipeline.Part{Only: "Roll"}, "Source Roll", "Push of Deploy for Roll, the same stage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			stages, err := parted().Select(row.part)
			require.NoError(t, err)

			var runs, needs []string

			for _, stage := range stages {
				for _, action := range stage.Actions {
					runs = append(runs, action.Name)
				}
			}

			for _, need := range parted().Needs(stages) {
				needs = append(needs, need.Action+" of "+need.Stage+" for "+need.Of+map[bool]string{true: ", the same stage"}[need.Same])
			}

			assert.Equal(t, row.runs, strings.Join(runs, " "))
			assert.Equal(t, row.needs, strings.Join(needs, "; "))
		})
	}
}

func TestPartRefused(t *testing.T) {
	t.Parallel()

	for want, part := range map[string]codepipeline.Part{
		`the pipeline has no stage "Unit"; it has Source, Test, Build, Deploy`:                                                      {From: "Unit"},
		`the pipeline has no stage "test"; it has Source, Test, Build, Deploy`:                                                      {Until: "test"},
		`the pipeline has no stage or action "Lnit"; it has Source (Source), Test (Lint, Unit), Build (Build), Deploy (Push, Roll)`: {Only: "Lnit"},
		"the stage Deploy comes after Test: nothing is left between FROM and UNTIL":                                                 {From: "Deploy", Until: "Test"},
		"ONLY is given alone, without FROM and UNTIL":                                                                               {Only: "Test", From: "Test"},
	} {
		_, err := parted().Select(part)
		require.EqualError(t, err, want)
	}
}
