package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
)

const (
	stateBucket = "clockmirror-rehearsal-state"
	gitHosted   = "acme/clockmirror" // the repository's name at the Git host, which is not asked
	// graceful is how long Terraform may take to end when it is told to.
	graceful = 5 * time.Second
)

// stacks are the Terraform stacks, as a person applies them from a clone.
type stacks struct {
	environment *Environment
	source      string
	connection  string
}

// open returns a stack that is initialized, in the workspace of an environment. Each has a folder of its own for what Terraform keeps, so that
// they can be worked on side by side.
func (s *stacks) open(ctx context.Context, name, env string) (*tfexec.Terraform, error) {
	stack, err := tfexec.NewTerraform(filepath.Join(s.source, ".infra", name), s.environment.machine.terraform)
	if err != nil {
		return nil, fmt.Errorf("run Terraform: %w", err)
	}

	environment := tfexec.CleanEnv(s.environment.admin.environment())
	environment["CHECKPOINT_DISABLE"] = "1"
	environment["GOGC"] = "400" // a sixth less CPU
	environment["TF_DATA_DIR"] = ".terraform-" + env

	if environment["TF_CLI_CONFIG_FILE"] == "" && environment["TF_PLUGIN_CACHE_DIR"] == "" {
		environment["TF_PLUGIN_CACHE_DIR"] = filepath.Join(s.environment.options.Root, ".build", "terraform-plugins")
		if err = os.MkdirAll(environment["TF_PLUGIN_CACHE_DIR"], folderMode); err != nil {
			return nil, fmt.Errorf("make a folder for providers: %w", err)
		}
	}

	if err = stack.SetEnv(environment); err != nil {
		return nil, fmt.Errorf("set Terraform's environment: %w", err)
	}

	// An interrupted Terraform waits for what it has begun, which is of no use here.
	if err = stack.SetWaitDelay(graceful); err != nil {
		return nil, fmt.Errorf("bound Terraform's end: %w", err)
	}

	log, err := os.OpenFile(filepath.Join(s.environment.logs, "set-up-"+name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, fileMode)
	if err != nil {
		return nil, fmt.Errorf("keep a log of Terraform: %w", err)
	}

	stack.SetStdout(log)
	stack.SetStderr(log)

	options := []tfexec.InitOption{tfexec.BackendConfig("bucket=" + stateBucket), tfexec.BackendConfig("region=" + emulator.Region)}
	if name == "bootstrap" {
		options = nil
	}

	if err = stack.Init(ctx, options...); err != nil {
		return nil, fmt.Errorf("initialize the stack %s: %w", name, err)
	}

	if name == "bootstrap" {
		return stack, nil
	}

	workspaces, current, err := stack.WorkspaceList(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the workspaces of the stack %s: %w", name, err)
	}

	switch {
	case current == env:
		return stack, nil
	case slices.Contains(workspaces, env):
		return stack, stack.WorkspaceSelect(ctx, env)
	}

	return stack, stack.WorkspaceNew(ctx, env)
}

// variables are what a person gives to a stack.
func (s *stacks) variables(name, env string) []string {
	always := []string{"tf_state_bucket=" + stateBucket, "region=" + emulator.Region}
	if name != "bootstrap" {
		always = append(always, "env="+env)
	}

	switch name {
	case "cicd":
		always = append(always, "repository="+gitHosted, "connection_arn="+s.connection, "image_platform=linux/"+runtime.GOARCH,
			"toolbox_digest="+toolboxDigest())
	case "app":
		always = append(always, "cpu_architecture="+architecture())
	}

	return always
}

// file is that of an environment's variables for a stack, which need not be there.
func (s *stacks) file(name, env string) string {
	return filepath.Join(s.source, ".infra", name, "env", env+".tfvars")
}

// given are a stack's variables and further ones, and the environment's file of variables if the commit has one, as options of a
// command.
func given[Option any](s *stacks, name, env string, further []string) []Option {
	var options []Option

	file := s.file(name, env)
	if _, err := os.Stat(file); err == nil {
		options = append(options, any(tfexec.VarFile(file)).(Option))
	}

	for _, variable := range append(s.variables(name, env), further...) {
		options = append(options, any(tfexec.Var(variable)).(Option))
	}

	return options
}

func (s *stacks) apply(ctx context.Context, name, env string, variables []string, targets ...string) (*tfexec.Terraform, error) {
	stack, err := s.open(ctx, name, env)
	if err != nil {
		return nil, err
	}

	options := given[tfexec.ApplyOption](s, name, env, variables)
	for _, target := range targets {
		options = append(options, tfexec.Target(target))
	}

	if err = stack.Apply(ctx, options...); err != nil {
		return nil, fmt.Errorf("apply the stack %s: %w", name, err)
	}

	return stack, nil
}

func output(ctx context.Context, stack *tfexec.Terraform, name string) (string, error) {
	outputs, err := stack.Output(ctx)
	if err != nil {
		return "", fmt.Errorf("read the stack's outputs: %w", err)
	}

	var value string

	if err = json.Unmarshal(outputs[name].Value, &value); err != nil {
		return "", fmt.Errorf("read the output %s: %w", name, err)
	}

	return value, nil
}

// Settled returns the changes that a plan of each stack shows, by its name and environment; none is what there should be.
func (e *Environment) Settled(ctx context.Context) (map[string]string, error) {
	if err := e.awaitPrepared(ctx); err != nil {
		return nil, err
	}

	unsettled := map[string]string{}

	all := [][2]string{{"bootstrap", Env}, {"ecr", Env}, {"cicd", Env}}
	for _, env := range e.environments() {
		all = append(all, [2]string{"app", env})
	}

	for _, of := range all {
		name, env := of[0], of[1]

		stack, err := e.stacks.open(ctx, name, env)
		if err != nil {
			return nil, err
		}

		var image []string

		if name == "app" {
			running, err := e.Running(ctx, env)
			if err != nil {
				return nil, err
			}

			image = []string{"image=" + running}
		}

		var text strings.Builder

		stack.SetStdout(&text)

		changed, err := stack.Plan(ctx, given[tfexec.PlanOption](e.stacks, name, env, image)...)
		if err != nil {
			return nil, fmt.Errorf("plan the stack %s of %s: %w", name, env, err)
		}

		if changed {
			unsettled[name+" of "+env] = text.String()
		}
	}

	return unsettled, nil
}

func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "ARM64"
	}

	return "X86_64"
}

// colours are what programs put into a terminal's text.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// plain is a text without colours.
func plain(text string) string { return colours.ReplaceAllString(text, "") }

// tail is the end of a text, short enough to be read.
func tail(text string) string {
	const lines = 20

	all := strings.Split(strings.TrimSpace(plain(text)), "\n")

	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
