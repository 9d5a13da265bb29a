package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	"golang.org/x/sync/errgroup"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// olderVersions is how many commits back a version is looked for that can run before the rehearsed one.
const olderVersions = 5

// setUp does what the README tells a person to do once, from a clone of the commit, and has an older version run. What the
// pipeline itself is made of comes first; the rest goes on in the background until prepared. The older version is built while the
// first stack waits for its keys.
func (e *Environment) setUp(ctx, background context.Context, commit string) error {
	e.stacks = &stacks{environment: e, source: filepath.Join(e.folder, "source")}

	if err := e.commits.checkOut(ctx, commit, e.stacks.source); err != nil {
		return err
	}

	if err := e.makeZone(ctx, e.stacks.file("app", Env)); err != nil {
		return err
	}

	preparing, within := errgroup.WithContext(background)
	preparing.Go(func() error { return e.pushOlder(within, commit) })

	bootstrap, err := e.stacks.apply(ctx, "bootstrap", Env, nil,
		"aws_s3_bucket.state", "aws_codeconnections_connection.git", "aws_iam_policy.boundary", "aws_kms_alias.environments", "aws_kms_alias.signing")
	if err != nil {
		return err
	}

	if e.stacks.connection, err = output(ctx, bootstrap, "connection_arn"); err != nil {
		return err
	}

	if err = e.cloud.ConfirmConnection(ctx, e.stacks.connection); err != nil {
		return err
	}

	e.prepare(within, preparing)

	targets, err := e.stacks.quick("cicd")
	if err != nil {
		return err
	}

	cicd, err := e.stacks.apply(ctx, "cicd", Env, nil, targets...)
	if err != nil {
		return err
	}

	if err = e.pushToolbox(ctx); err != nil {
		return err
	}

	pipeline, err := readPipeline(ctx, cicd)
	if err != nil {
		return err
	}

	e.runner = codepipeline.NewRunner(pipeline, e.runTogether)
	e.prepareOthers(within, preparing)
	e.running.Go(func() {
		defer close(e.prepared)

		e.preparation = preparing.Wait()
	})

	return nil
}

// environments are those that the pipeline delivers to, in its order.
func (e *Environment) environments() []string {
	var found []string

	for _, stage := range e.runner.Pipeline().Stages {
		if env := deliversTo(stage); env != "" {
			found = append(found, env)
		}
	}

	return found
}

func readPipeline(ctx context.Context, cicd *tfexec.Terraform) (*codepipeline.Pipeline, error) {
	state, err := cicd.Show(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the state of the stack cicd: %w", err)
	}

	return codepipeline.FromState(state)
}

// declaration is how a stack declares a resource.
var declaration = regexp.MustCompile(`(?m)^resource "([^"]+)" "([^"]+)"`)

// quick are the resources of a stack but for those that the provider watches for a minute before it believes them.
func (s *stacks) quick(name string) ([]string, error) {
	const slow = "aws_s3_bucket_lifecycle_configuration"

	files, err := filepath.Glob(filepath.Join(s.source, ".infra", name, "*.tf"))
	if err != nil {
		return nil, fmt.Errorf("find the files of the stack %s: %w", name, err)
	}

	var found []string

	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the stack %s: %w", name, err)
		}

		for _, match := range declaration.FindAllStringSubmatch(string(content), -1) {
			if match[1] != slow {
				found = append(found, match[1]+"."+match[2])
			}
		}
	}

	return found, nil
}

// prepare applies what is not applied yet, and has an older version run. The stacks wait for the emulator most of the time, so
// they are applied side by side.
func (e *Environment) prepare(ctx context.Context, parts *errgroup.Group) {
	for _, name := range []string{"bootstrap", "ecr"} {
		parts.Go(func() error {
			_, err := e.stacks.apply(ctx, name, Env, nil)

			return err
		})
	}

	parts.Go(func() error { return e.prepareApp(ctx, Env) })
}

// prepareOthers applies what waits for the pipeline to be known.
func (e *Environment) prepareOthers(ctx context.Context, parts *errgroup.Group) {
	for _, env := range e.environments() {
		e.follow(env)

		if env != Env {
			parts.Go(func() error { return e.prepareApp(ctx, env) })
		}
	}

	parts.Go(func() error {
		_, err := e.stacks.apply(ctx, "cicd", Env, nil)

		return err
	})
}

// prepareApp has an environment run the older version.
func (e *Environment) prepareApp(ctx context.Context, env string) error {
	select {
	case <-e.pushed:
	case <-ctx.Done():
		return ctx.Err()
	}

	_, err := e.stacks.apply(ctx, "app", env, []string{"image=" + e.older})

	return err
}

// awaitPrepared waits until everything is set up that a deployment needs.
func (e *Environment) awaitPrepared(ctx context.Context) error {
	select {
	case <-e.prepared:
	case <-ctx.Done():
		return ctx.Err()
	}

	if e.preparation != nil {
		return fmt.Errorf("set the account up: %w", e.preparation)
	}

	return nil
}

// pushOlder builds the nearest older version that can be built, as the pipeline did when it was new, and closes pushed.
func (e *Environment) pushOlder(ctx context.Context, commit string) error {
	older, err := e.commits.ancestors(ctx, commit, olderVersions)
	if err != nil {
		return err
	}

	var failures []error

	for _, candidate := range append(older, commit) {
		if e.older, err = e.push(ctx, candidate); err == nil {
			close(e.pushed)

			return nil
		}

		failures = append(failures, err)
	}

	return fmt.Errorf("build a version that runs before: %w", errors.Join(failures...))
}

func (e *Environment) push(ctx context.Context, commit string) (string, error) {
	folder := filepath.Join(e.folder, "before-"+commit)
	if err := e.commits.checkOut(ctx, commit, folder); err != nil {
		return "", err
	}

	build := exec.CommandContext(ctx, "make", "-C", folder, "image", "IMAGE="+e.beforeImage(), "PLATFORM=linux/"+runtime.GOARCH)

	build.Env = append(proc.WithoutGit(os.Environ()), "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "MAKEFLAGS=")

	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the image of %s: %w: %s", commit, err, tail(string(text)))
	}

	name := e.registryAddress + "/clockmirror:" + commit
	if _, err := e.engine.Run(ctx, "tag", e.beforeImage(), name); err != nil {
		return "", fmt.Errorf("name the image: %w", err)
	}

	if _, err := e.engine.Run(ctx, "push", "--quiet", name); err != nil {
		return "", fmt.Errorf("push the image: %w", err)
	}

	digests, err := e.engine.Run(ctx, "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name)
	if err != nil {
		return "", fmt.Errorf("look at the image: %w", err)
	}

	for digest := range strings.FieldsSeq(digests) {
		if strings.HasPrefix(digest, e.registryAddress+"/") {
			return digest, nil
		}
	}

	return "", errors.New("the pushed image has no digest")
}

// Apply applies a stack of an environment again, from the checkout that the account was set up from; see Checkout. An environment that is not
// there yet gets the image that [Env] runs.
func (e *Environment) Apply(ctx context.Context, name, env string) error {
	var variables []string

	if name == "app" {
		e.follow(env)

		running, err := e.Running(ctx, env)
		if err != nil {
			running, err = e.Running(ctx, Env)
		}

		if err != nil {
			return err
		}

		variables = []string{"image=" + running}
	}

	stack, err := e.stacks.apply(ctx, name, env, variables)
	if err != nil || name != "cicd" {
		return err
	}

	pipeline, err := readPipeline(ctx, stack)
	if err != nil {
		return err
	}

	e.runner.Update(pipeline)

	for _, env := range e.environments() {
		e.follow(env)
	}

	return nil
}

// Checkout is the folder of the clone that the account was set up from.
func (e *Environment) Checkout() string { return e.stacks.source }
