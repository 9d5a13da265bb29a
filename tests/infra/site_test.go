package infra_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/infra/policy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	stateBucket = "clockmirror-test-state"
	repository  = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/clockmirror"
)

// image is an image by a digest that is one digit over and over.
func image(digit string) string { return repository + "@sha256:" + strings.Repeat(digit, 64) }

// stack is a scratch copy of one stack, so that nothing is left in the repository and runs can be side by side.
type stack struct {
	*tfexec.Terraform

	folder      string
	environment map[string]string
	variables   []string
	attached    bool
}

// newStack copies a stack, to run with these variables of the environment and of Terraform.
func newStack(t *testing.T, name string, environment map[string]string, variables ...string) *stack {
	t.Helper()

	terraform := testkit.Program(t, "https://developer.hashicorp.com/terraform/install", "terraform")
	scratch := t.TempDir()

	// Stacks read buildspecs by their place in the repository, and people type make.
	for _, part := range []string{".infra", "buildspec", "Makefile"} {
		copyPart(t, filepath.Join(testkit.Root(t), part), filepath.Join(scratch, part))
	}

	folder := filepath.Join(scratch, ".infra", name)

	runner, err := tfexec.NewTerraform(folder, terraform)
	require.NoError(t, err)

	// Its own copy, without what this machine's Terraform is told.
	environment = tfexec.CleanEnv(maps.Clone(environment))
	environment["CHECKPOINT_DISABLE"] = "1"
	environment["GOGC"] = "400" // a sixth less CPU for each command, most of whose work is to load the provider

	// On a machine that has no mirror of its own, stacks share one download of the provider.
	if environment["TF_CLI_CONFIG_FILE"] == "" && environment["TF_PLUGIN_CACHE_DIR"] == "" {
		environment["TF_PLUGIN_CACHE_DIR"] = filepath.Join(testkit.Root(t), ".build", "terraform-plugins")
		require.NoError(t, os.MkdirAll(environment["TF_PLUGIN_CACHE_DIR"], 0o750))
	}

	require.NoError(t, runner.SetEnv(environment))

	return &stack{Terraform: runner, folder: folder, environment: environment, variables: variables}
}

// machine is this machine's own environment.
func machine() map[string]string {
	environment := map[string]string{}

	for _, variable := range os.Environ() {
		key, value, _ := strings.Cut(variable, "=")
		environment[key] = value
	}

	return environment
}

// copyPart copies a folder or file, if there is one, without what Terraform keeps in it.
func copyPart(t *testing.T, from, to string) {
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
		testkit.Missing(t, "the Terraform provider for AWS", "registry.terraform.io, or a mirror of it, has to be reachable")
	}

	require.NoError(t, err)
	s.attach(t)
}

// attach has Terraform use one provider for all commands of the stack.
func (s *stack) attach(t *testing.T) {
	t.Helper()

	if s.attached {
		return
	}

	var environ []string
	for key, value := range s.environment {
		environ = append(environ, key+"="+value)
	}

	program := filepath.Join(t.TempDir(), "terraform")
	script := "#!/bin/sh\nTF_REATTACH_PROVIDERS='" + testkit.Provider(t, s.folder, environ) + "' exec " + s.ExecPath() + ` "$@"` + "\n"
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))

	var err error

	s.Terraform, err = tfexec.NewTerraform(s.folder, program)
	require.NoError(t, err)
	require.NoError(t, s.SetEnv(s.environment))

	s.attached = true
}

// initInBucket keeps the state in the state bucket, in the workspace of an environment, as people do.
func (s *stack) initInBucket(t *testing.T, workspace string) {
	t.Helper()

	s.init(t, tfexec.BackendConfig("bucket="+stateBucket), tfexec.BackendConfig("region="+emulator.Region))
	require.NoError(t, s.WorkspaceNew(t.Context(), workspace))
}

// selectInBucket takes up the state of an environment that is there.
func (s *stack) selectInBucket(t *testing.T, workspace string) {
	t.Helper()

	s.init(t, tfexec.BackendConfig("bucket="+stateBucket), tfexec.BackendConfig("region="+emulator.Region))
	require.NoError(t, s.WorkspaceSelect(t.Context(), workspace))
}

func (s *stack) apply(t *testing.T, variables ...string) {
	t.Helper()

	require.NoError(t, s.Apply(t.Context(), with[tfexec.ApplyOption](s, variables)...))
}

func (s *stack) destroy(t *testing.T, variables ...string) error {
	t.Helper()

	return s.Destroy(t.Context(), with[tfexec.DestroyOption](s, variables)...)
}

// plan returns the changes that Terraform would make, and the plan.
func (s *stack) plan(t *testing.T, variables ...string) (map[string]tfjson.Actions, *tfjson.Plan) {
	t.Helper()

	file := filepath.Join(t.TempDir(), "plan")

	_, err := s.Plan(t.Context(), append(with[tfexec.PlanOption](s, variables), tfexec.Out(file))...)
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

// with is the stack's variables and further ones, as options of a command.
func with[Option any](s *stack, variables []string) []Option {
	options := make([]Option, 0, len(s.variables)+len(variables))
	for _, variable := range slices.Concat(s.variables, variables) {
		options = append(options, any(tfexec.Var(variable)).(Option))
	}

	return options
}

// requireSettled: nothing would change, and what there is obeys the policies.
func (s *stack) requireSettled(t *testing.T, variables ...string) {
	t.Helper()

	changes, plan := s.plan(t, variables...)
	require.Empty(t, changes, "a second plan is not empty")

	// What the plan has read just now, not what the apply noted.
	require.NotEmpty(t, addresses(plan.PriorState.Values))
	assert.Empty(t, policy.Check(plan.PriorState.Values.RootModule))
}

// requireDestroyed destroys the stack, then has the provider look for each of its resources: what it still finds is left
// behind.
func (s *stack) requireDestroyed(t *testing.T, variables ...string) {
	t.Helper()

	before, err := s.StatePull(t.Context())
	require.NoError(t, err)

	state, err := s.Show(t.Context())
	require.NoError(t, err)

	made := addresses(state.Values)
	require.NotEmpty(t, made)
	require.NoError(t, s.destroy(t, variables...))

	state, err = s.Show(t.Context())
	require.NoError(t, err)
	require.Nil(t, state.Values, "the state is not empty")

	// Again with the old state, in a file.
	require.NoError(t, os.RemoveAll(filepath.Join(s.folder, ".terraform", "terraform.tfstate")))
	require.NoError(t, os.RemoveAll(filepath.Join(s.folder, ".terraform", "environment")))
	s.keepStateInFile(t)
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "terraform.tfstate"), []byte(before), 0o600))
	s.init(t, tfexec.Reconfigure(true))

	// The provider waits two minutes for a service to come back. A cluster goes only when it has none, so that will do.
	if slices.Contains(made, service) {
		require.NoError(t, s.StateRm(t.Context(), service))
	}

	require.NoError(t, s.Refresh(t.Context(), with[tfexec.RefreshCmdOption](s, variables)...))

	left, err := s.Show(t.Context())
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
	var found []string
	for _, resource := range policy.Resources(values) {
		found = append(found, resource.Address)
	}

	return found
}

// must runs a program beside the stack, and returns what it prints on standard output. The program has to succeed.
func (s *stack) must(t *testing.T, name string, arguments ...string) string {
	t.Helper()

	printed, complaint, err := s.run(t, name, arguments...)
	require.NoError(t, err, complaint)

	return printed
}

// refused runs a program that has to fail, and returns what it says on standard error.
func (s *stack) refused(t *testing.T, name string, arguments ...string) string {
	t.Helper()

	_, complaint, err := s.run(t, name, arguments...)
	require.Error(t, err)

	return complaint
}

// run runs a program as a person would beside the stack, and returns what it prints on standard output and standard error.
func (s *stack) run(t *testing.T, name string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()

	// The program is looked for on the stack's PATH, not on this process's.
	command := exec.CommandContext(t.Context(), "env", append([]string{name}, arguments...)...)
	command.Dir = s.folder

	for key, value := range s.environment {
		command.Env = append(command.Env, key+"="+value)
	}

	var out, complaint strings.Builder

	command.Stdout, command.Stderr = &out, &complaint
	err = command.Run()

	return strings.TrimSpace(out.String()), strings.TrimSpace(complaint.String()), err
}

// createKey creates the key that the app stack finds by its alias, as the bootstrap stack does.
func (s *stack) createKey(t *testing.T) {
	t.Helper()

	key := s.must(t, "aws", "kms", "create-key", "--query", "KeyMetadata.KeyId", "--output", "text")

	s.must(t, "aws", "kms", "create-alias", "--alias-name", "alias/clockmirror", "--target-key-id", key)
}
