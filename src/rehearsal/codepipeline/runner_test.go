package codepipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// outcomes are the numbers of the runs of an action that fail, by the action's name.
type outcomes map[string][]int

// runner runs a pipeline whose actions fail as told, and notes what ran: the execution, the action, and -red if it failed.
func runner(fails outcomes, stages ...codepipeline.Stage) (*codepipeline.Runner, *[]string) {
	ran, counts := &[]string{}, map[string]int{}

	return codepipeline.NewRunner(&codepipeline.Pipeline{Stages: stages}, func(
		_ context.Context, execution *codepipeline.Execution, stage codepipeline.Stage, actions []codepipeline.Action, attempt int,
	) ([]codepipeline.Result, error) {
		var results []codepipeline.Result

		for _, action := range actions {
			counts[action.Name]++

			result := codepipeline.Result{Stage: stage.Name, Action: action.Name, Attempt: attempt}
			word := fmt.Sprintf("%d:%s of %s", execution.Number, action.Name, execution.Commit)

			for _, failing := range fails[action.Name] {
				if failing == counts[action.Name] {
					result.Err = errors.New("broken")
					word = fmt.Sprint(word, " red")
				}
			}

			*ran = append(*ran, word)
			results = append(results, result)
		}

		return results, nil
	}), ran
}

func actions(names ...string) []codepipeline.Action {
	var found []codepipeline.Action
	for i, name := range names {
		found = append(found, codepipeline.Action{Name: name, RunOrder: i + 1})
	}

	return found
}

func TestRetry(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		onFailure codepipeline.FailureResult
		fails     outcomes
		want      []string
		red       bool
	}{
		"a stage that succeeds runs once": {codepipeline.RetryFailed, nil, []string{"1:A of c", "1:B of c", "1:C of c", "1:Next of c"}, false},
		"what failed and what comes after it runs again": {
			codepipeline.RetryFailed,
			outcomes{"B": {1}},
			[]string{"1:A of c", "1:B of c red", "1:B of c", "1:C of c", "1:Next of c"},
			false,
		},
		"with ALL_ACTIONS the whole stage runs again": {
			codepipeline.RetryAll,
			outcomes{"B": {1}},
			[]string{"1:A of c", "1:B of c red", "1:A of c", "1:B of c", "1:C of c", "1:Next of c"},
			false,
		},
		"there is one retry and no more": {codepipeline.RetryFailed, outcomes{"B": {1, 2}}, []string{"1:A of c", "1:B of c red", "1:B of c red"}, true},
		"a second action that fails in the retry is not retried": {
			codepipeline.RetryFailed, outcomes{"B": {1}, "C": {1}}, []string{"1:A of c", "1:B of c red", "1:B of c", "1:C of c red"}, true,
		},
		"without on_failure nothing runs again": {"", outcomes{"B": {1}}, []string{"1:A of c", "1:B of c red"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			runs, ran := runner(row.fails, codepipeline.Stage{Name: "Stage", Actions: actions("A", "B", "C"), OnFailure: row.onFailure},
				codepipeline.Stage{Name: "Next", Actions: actions("Next")})
			err := runs.Run(t.Context(), codepipeline.NewExecution("c", nil), codepipeline.Part{})
			assert.Equal(t, row.red, errors.Is(err, codepipeline.ErrRed))
			assert.Equal(t, row.want, *ran)
		})
	}
}

func TestRollBack(t *testing.T) {
	t.Parallel()

	stages := func() []codepipeline.Stage {
		return []codepipeline.Stage{
			{Name: "Build", Actions: actions("Build")},
			{Name: "Deploy", Actions: actions("Deploy", "Verify"), OnFailure: codepipeline.RollBack},
		}
	}
	run := func(t *testing.T, runs *codepipeline.Runner, commit string) *codepipeline.Execution {
		t.Helper()

		execution := codepipeline.NewExecution(commit, nil)
		execution.Artifacts["image"] = "image of " + commit

		if err := runs.Run(t.Context(), execution, codepipeline.Part{}); err != nil {
			require.ErrorIs(t, err, codepipeline.ErrRed)
		}

		return execution
	}

	t.Run("the stage alone runs again, with the commit and the artifacts of what succeeded last", func(t *testing.T) {
		t.Parallel()

		runs, ran := runner(outcomes{"Verify": {3}}, stages()...)
		run(t, runs, "first")
		run(t, runs, "second")
		assert.Nil(t, runs.Pipeline().Stages[0].Groups()[0][0].Project)

		third := run(t, runs, "third")
		require.NotNil(t, third.RolledBack)
		assert.Equal(t, "image of second", third.RolledBack.Artifacts["image"])
		assert.Equal(t, []string{"3:Build of third", "3:Deploy of third", "3:Verify of third red", "4:Deploy of second", "4:Verify of second"}, (*ran)[6:])
	})

	t.Run("there is nothing to go back to before the first success", func(t *testing.T) {
		t.Parallel()

		runs, _ := runner(outcomes{"Verify": {1}}, stages()...)
		assert.Nil(t, run(t, runs, "first").RolledBack)
	})

	t.Run("nor since the pipeline's structure changed", func(t *testing.T) {
		t.Parallel()

		runs, _ := runner(outcomes{"Verify": {2, 4}}, stages()...)
		run(t, runs, "first")
		runs.Update(&codepipeline.Pipeline{Stages: append(stages(), codepipeline.Stage{Name: "More"})})
		assert.Nil(t, run(t, runs, "second").RolledBack)

		run(t, runs, "third")
		assert.NotNil(t, run(t, runs, "fourth").RolledBack, "an execution of the new structure is there")
	})

	t.Run("a change of a project is no change of the structure", func(t *testing.T) {
		t.Parallel()

		runs, _ := runner(outcomes{"Verify": {2}}, stages()...)
		run(t, runs, "first")

		same := stages()
		same[0].Actions[0].Project = &codepipeline.Project{Name: "other"}
		runs.Update(&codepipeline.Pipeline{Stages: same})
		assert.NotNil(t, run(t, runs, "second").RolledBack)
	})

	t.Run("a rollback that fails is not rolled back, and none is a target", func(t *testing.T) {
		t.Parallel()

		runs, ran := runner(outcomes{"Verify": {2, 4, 5}}, stages()...)
		run(t, runs, "first")
		assert.Equal(t, "first", run(t, runs, "second").RolledBack.Commit)

		third := run(t, runs, "third")
		assert.Equal(t, "first", third.RolledBack.Commit)
		assert.Nil(t, third.RolledBack.RolledBack)
		assert.Equal(t, []string{"5:Deploy of first", "5:Verify of first red"}, (*ran)[len(*ran)-2:])
	})
}

func TestRunFrom(t *testing.T) {
	t.Parallel()

	runs, ran := runner(nil, codepipeline.Stage{Name: "Build", Actions: actions("Build")}, codepipeline.Stage{Name: "Deploy", Actions: actions("Deploy")})
	require.NoError(t, runs.Run(t.Context(), codepipeline.NewExecution("c", nil), codepipeline.Part{From: "Deploy"}))
	assert.Equal(t, []string{"1:Deploy of c"}, *ran)

	err := runs.Run(t.Context(), codepipeline.NewExecution("c", nil), codepipeline.Part{From: "Delpoy"})
	require.EqualError(t, err, `the pipeline has no stage "Delpoy"; it has Build, Deploy`)
	assert.Len(t, *ran, 1, "something ran")
}
