package infra_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/emulator"
	"github.com/clockmirror/clockmirror/tests/harness"
	"github.com/clockmirror/clockmirror/tests/infra/policy"
)

const (
	stateBucket = "clockmirror-test-state"
	repository  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror"
)

// image is an image by a digest that is one digit over and over.
func image(digit string) string { return repository + "@sha256:" + strings.Repeat(digit, 64) }

// startEmulator starts an emulator that ends with the test.
func startEmulator(t *testing.T) *emulator.Emulator {
	t.Helper()

	python := harness.Program(t, "install Python 3.10 or newer", "python3")

	log, err := os.Create(filepath.Join(harness.Artifacts(t, "infra"), strings.ReplaceAll(t.Name(), "/", "-")+"-emulator.log"))
	require.NoError(t, err)

	// Not the test's own context: what a failed test leaves behind is looked at after that has ended.
	aws, err := emulator.Start(context.WithoutCancel(t.Context()), harness.Root(t), python, log)
	if err != nil && !harness.InCI() {
		t.Log(err)
		harness.Missing(t, "the AWS emulator", "it is installed from PyPI into .build; "+log.Name()+" says what went wrong")
	}

	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, aws.Stop()) })

	return aws
}

// stack is a scratch copy of one stack, so that nothing is left in the repository and runs can be side by side.
type stack struct {
	*tfexec.Terraform

	folder      string
	environment map[string]string
	variables   []*tfexec.VarOption
}

// newStack copies a stack. Its environment is this machine's, and what is given.
func newStack(t *testing.T, name string, environment map[string]string, variables ...string) *stack {
	t.Helper()

	terraform := harness.Program(t, "https://developer.hashicorp.com/terraform/install", "terraform")
	scratch := t.TempDir()

	// Stacks read buildspecs by their place in the repository.
	for _, part := range []string{".infra", "buildspec"} {
		copyFolder(t, filepath.Join(harness.Root(t), part), filepath.Join(scratch, part))
	}

	folder := filepath.Join(scratch, ".infra", name)

	runner, err := tfexec.NewTerraform(folder, terraform)
	require.NoError(t, err)

	all := map[string]string{"CHECKPOINT_DISABLE": "1"}

	for _, each := range os.Environ() {
		key, value, _ := strings.Cut(each, "=")
		all[key] = value
	}

	// On a machine that has no mirror of its own, stacks share one download of the provider.
	if all["TF_CLI_CONFIG_FILE"] == "" && all["TF_PLUGIN_CACHE_DIR"] == "" {
		all["TF_PLUGIN_CACHE_DIR"] = filepath.Join(harness.Root(t), ".build", "terraform-plugins")
		require.NoError(t, os.MkdirAll(all["TF_PLUGIN_CACHE_DIR"], 0o750))
	}

	maps.Copy(all, environment)
	all = tfexec.CleanEnv(all)
	require.NoError(t, runner.SetEnv(all))

	s := &stack{Terraform: runner, folder: folder, environment: all}
	for _, variable := range variables {
		s.variables = append(s.variables, tfexec.Var(variable))
	}

	return s
}

// copyFolder copies a folder, if there is one, without what Terraform keeps in it.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()

	if _, err := os.Stat(from); os.IsNotExist(err) {
		return
	}

	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}

		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}

		switch {
		case entry.IsDir() && entry.Name() == ".terraform":
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, relative), 0o750)
		case strings.Contains(entry.Name(), ".tfstate"):
			return nil
		}

		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}

		info, err := entry.Info()
		if err != nil {
			return err
		}

		return os.WriteFile(filepath.Join(to, relative), content, info.Mode().Perm())
	}))
}

// initializing holds off parallel downloads into the shared folder, which Terraform does not.
//
//nolint:gochecknoglobals // one folder, one lock
var initializing sync.Mutex

// init gets the provider, as locked.
func (s *stack) init(t *testing.T, options ...tfexec.InitOption) {
	t.Helper()

	initializing.Lock()
	defer initializing.Unlock()

	err := s.Init(t.Context(), options...)
	if err != nil && strings.Contains(err.Error(), "Failed to query available provider packages") {
		t.Log(err)
		harness.Missing(t, "the Terraform provider for AWS", "registry.terraform.io, or a mirror of it, has to be reachable")
	}

	require.NoError(t, err)
}

// initInBucket keeps the state in the state bucket, in the workspace of an environment, as people do.
func (s *stack) initInBucket(t *testing.T, workspace string) {
	t.Helper()

	s.init(t, tfexec.BackendConfig("bucket="+stateBucket), tfexec.BackendConfig("region="+emulator.Region))
	require.NoError(t, s.WorkspaceNew(t.Context(), workspace))
}

func (s *stack) apply(t *testing.T, variables ...string) {
	t.Helper()

	var options []tfexec.ApplyOption
	for _, variable := range s.with(variables) {
		options = append(options, variable)
	}

	require.NoError(t, s.Apply(t.Context(), options...))
}

func (s *stack) destroy(t *testing.T, variables ...string) error {
	t.Helper()

	var options []tfexec.DestroyOption
	for _, variable := range s.with(variables) {
		options = append(options, variable)
	}

	return s.Destroy(t.Context(), options...)
}

// plan returns the changes that Terraform would make, and the plan.
func (s *stack) plan(t *testing.T, variables ...string) (map[string]tfjson.Actions, *tfjson.Plan) {
	t.Helper()

	file := filepath.Join(t.TempDir(), "plan")

	options := []tfexec.PlanOption{tfexec.Out(file)}
	for _, variable := range s.with(variables) {
		options = append(options, variable)
	}

	_, err := s.Plan(t.Context(), options...)
	require.NoError(t, err)

	plan, err := s.ShowPlanFile(t.Context(), file)
	require.NoError(t, err)

	changes := map[string]tfjson.Actions{}

	for _, change := range plan.ResourceChanges {
		if !change.Change.Actions.NoOp() && change.Mode == tfjson.ManagedResourceMode {
			changes[change.Address] = change.Change.Actions
		}
	}

	for name, change := range plan.OutputChanges {
		if !change.Actions.NoOp() {
			changes["output."+name] = change.Actions
		}
	}

	return changes, plan
}

func (s *stack) with(variables []string) []*tfexec.VarOption {
	all := s.variables
	for _, variable := range variables {
		all = append(all[:len(all):len(all)], tfexec.Var(variable))
	}

	return all
}

// requireSettled: nothing would change, and what there is obeys the policies.
func (s *stack) requireSettled(t *testing.T, variables ...string) {
	t.Helper()

	changes, _ := s.plan(t, variables...)
	require.Empty(t, changes, "a second plan is not empty")

	state, err := s.Show(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, state.Values.RootModule.Resources)
	assert.Empty(t, policy.Check(state.Values.RootModule))
}

// requireDestroyed destroys the stack, then has the provider look for each of its resources: what it still finds is left
// behind.
func (s *stack) requireDestroyed(t *testing.T, variables ...string) {
	t.Helper()

	before, err := s.StatePull(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.destroy(t, variables...))

	state, err := s.Show(t.Context())
	require.NoError(t, err)
	require.Nil(t, state.Values, "the state is not empty")

	// The same stack, with the old state in a file.
	ghost := &stack{Terraform: s.Terraform, folder: s.folder, environment: s.environment, variables: s.variables}
	require.NoError(t, os.RemoveAll(filepath.Join(s.folder, ".terraform", "terraform.tfstate")))
	require.NoError(t, os.RemoveAll(filepath.Join(s.folder, ".terraform", "environment")))
	ghost.keepStateInFile(t)
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "terraform.tfstate"), []byte(before), 0o600))
	ghost.init(t, tfexec.Reconfigure(true))

	options := []tfexec.RefreshCmdOption{}
	for _, variable := range ghost.with(variables) {
		options = append(options, variable)
	}

	require.NoError(t, ghost.Refresh(t.Context(), options...))

	left, err := ghost.Show(t.Context())
	require.NoError(t, err)

	for _, address := range addresses(left.Values) {
		switch {
		case strings.HasSuffix(address, "aws_ecs_task_definition.this"): // kept to roll back to; it costs nothing
		case strings.HasPrefix(address, "terraform_data."): // nothing outside the state
		default:
			assert.Fail(t, "left behind", address)
		}
	}
}

// addresses are those of the managed resources in a state.
func addresses(values *tfjson.StateValues) []string {
	if values == nil {
		return nil
	}

	var found []string

	var visit func(*tfjson.StateModule)

	visit = func(module *tfjson.StateModule) {
		for _, resource := range module.Resources {
			if resource.Mode == tfjson.ManagedResourceMode {
				found = append(found, resource.Address)
			}
		}

		for _, child := range module.ChildModules {
			visit(child)
		}
	}

	visit(values.RootModule)

	return found
}

// run runs a program as a person would beside the stack, and returns what it prints on standard output and standard error.
func (s *stack) run(t *testing.T, name string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()

	command := exec.CommandContext(t.Context(), name, arguments...) //nolint:gosec // the caller's own program
	command.Dir = s.folder

	for key, value := range s.environment {
		command.Env = append(command.Env, key+"="+value)
	}

	var out, complaint strings.Builder

	command.Stdout, command.Stderr = &out, &complaint
	err = command.Run()

	return strings.TrimSpace(out.String()), strings.TrimSpace(complaint.String()), err
}
