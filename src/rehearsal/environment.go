// Package rehearsal takes a commit through the delivery pipeline on one machine. The pipeline is read from the state of the
// applied cicd stack. AWS is an emulator that checks every call's permissions; containers, registry, load balancer and
// requests are real.
package rehearsal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/load"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/src/rehearsal/registry"
)

// Env is the environment that the pipeline leads to: its settings are in .infra/*/env/rehearsal.tfvars, as those of any other. cicd may have
// others before it.
const Env = "rehearsal"

const (
	label      = "clockmirror.rehearsal" // of all containers, with the process and a random part as its value
	service    = "api"
	cleanUp    = 2 * time.Minute // bounds the end
	keptLogs   = 10              // folders of logs
	folderMode = 0o750
	fileMode   = 0o600
	imageName  = "clockmirror-rehearsal"
)

// Options say what is rehearsed, and where.
type Options struct {
	// Root is the checkout whose rehearsal this is; its .build/rehearsal keeps logs and what the next one can use again.
	Root string
	// Repository is the Git repository that has the commit; empty is Root.
	Repository string
	// Commit is a full or short name of one; empty is HEAD.
	Commit string
	// Cold uses no cache: neither Docker's nor what earlier build machines have compiled.
	Cold bool
	// Progress takes a line for each step; with Live, as a terminal can, it also shows what is being done.
	Progress io.Writer
	Live     bool
	// Approve answers an approval; nil refuses.
	Approve func(ctx context.Context, question string) (bool, error)
}

// Environment is this machine's AWS account: a person has set up everything that the README says, and an older version runs.
type Environment struct {
	options  Options
	progress *progress
	machine  *machine
	engine   *docker.Engine
	id       string
	folder   string // gone at the end
	logs     string
	cloud    *emulator.Emulator
	registry *registry.Registry
	admin    *identity
	commits  *repository
	runner   *codepipeline.Runner
	stacks   *stacks

	// toolbox is the image of the build machines.
	toolbox         string
	registryAddress string
	sites           sites
	authority       *proxy.Authority
	// vulnerabilities is false where the database of known ones is out of reach.
	vulnerabilities bool

	// running are the parts that work in the background until stop.
	running sync.WaitGroup
	stop    context.CancelFunc
	// follow runs the tasks of an environment from now on, if it does not yet.
	follow func(env string)
	// older is the image that environments run before the rehearsal; pushed is closed when it is there.
	older  string
	pushed chan struct{}
	// prepared is closed when everything is set up that a deployment needs; preparation says how that went.
	prepared    chan struct{}
	preparation error

	// load asks the service of one environment while it is deployed to; seconds are what became of the requests.
	load    *load.Load
	loaded  string
	seconds []load.Second
	began   time.Time
	marks   marks
}

// Start sets the environment up as far as the pipeline needs it; the rest goes on in the background. It ends with Stop.
func Start(ctx context.Context, options Options) (*Environment, error) {
	found, err := look(ctx, options.Root)
	if err != nil {
		return nil, err
	}

	if options.Repository == "" {
		options.Repository = options.Root
	}

	if options.Commit == "" {
		options.Commit = "HEAD"
	}

	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	id := strconv.Itoa(os.Getpid()) + "-" + strings.ToLower(rand.Text()[:6])
	e := &Environment{
		options: options, progress: &progress{out: options.Progress, live: options.Live}, machine: found, id: id, stop: stop, began: time.Now(), prepared: make(chan struct{}), pushed: make(chan struct{}),
		engine: &docker.Engine{Program: found.docker, Label: label + "=" + id},
		folder: filepath.Join(options.Root, ".build", "rehearsal", "run-"+id),
		logs:   filepath.Join(options.Root, ".build", "rehearsal", "logs", time.Now().Format("20060102-150405")+"-"+id),
	}

	if err = e.start(ctx, background); err != nil {
		return nil, errors.Join(err, e.Stop(ctx))
	}

	return e, nil
}

// Logs is the folder of all logs of this rehearsal.
func (e *Environment) Logs() string { return e.logs }

// ID is in the name of all that this rehearsal starts.
func (e *Environment) ID() string { return e.id }

// Pipeline is the pipeline as it is applied.
func (e *Environment) Pipeline() *codepipeline.Pipeline { return e.runner.Pipeline() }

// Administrator is what AWS's SDK needs to act as the person who set up the account.
func (e *Environment) Administrator() aws.Config { return e.admin.config() }

// PutArtifact stores an artifact as the administrator, and returns its key.
func (e *Environment) PutArtifact(ctx context.Context, name string, files fs.FS) (string, error) {
	return e.store(ctx, e.admin, name, files)
}

// GetArtifact gets an artifact as the administrator.
func (e *Environment) GetArtifact(ctx context.Context, name, key string) (fs.FS, error) {
	return e.fetch(ctx, e.admin, name, key)
}

func (e *Environment) sayf(format string, arguments ...any) { e.progress.sayf(format, arguments...) }

func (e *Environment) start(ctx, background context.Context) error {
	e.sweep(ctx)

	for _, folder := range []string{e.folder, e.logs, filepath.Join(e.folder, "registry")} {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return fmt.Errorf("make a folder for the rehearsal: %w", err)
		}
	}

	if err := e.makeAuthority(); err != nil {
		return err
	}

	free, err := proc.Free(ctx, 1)
	if err != nil {
		return fmt.Errorf("find a port for the registry: %w", err)
	}

	e.registryAddress = "127.0.0.1:" + strconv.Itoa(free[0])

	e.commits, err = openRepository(ctx, filepath.Join(e.folder, "repository.git"))
	if err != nil {
		return err
	}

	commit, err := e.Take(ctx, e.options.Repository, e.options.Commit)
	if err != nil {
		return err
	}

	e.sayf("setting up the account; logs are in %s", e.logs)

	if err = e.startParts(ctx); err != nil {
		return err
	}

	if e.admin, err = administrator(ctx, e.cloud); err != nil {
		return err
	}

	followed := map[string]bool{}
	e.follow = func(env string) {
		if !followed[env] {
			followed[env] = true

			e.schedule(background, env)
		}
	}
	e.follow(Env)

	return e.setUp(ctx, background, commit)
}

// startParts starts side by side what does not need each other.
func (e *Environment) startParts(ctx context.Context) error {
	parts, within := errgroup.WithContext(ctx)
	parts.Go(func() error { return e.makeToolbox(within) })
	parts.Go(func() error { return e.startServices(within) })
	parts.Go(func() error {
		e.vulnerabilities = reachable(within, "https://vuln.go.dev/index/db.json")

		return nil
	})

	return parts.Wait()
}

// sweep removes what killed rehearsals have left.
func (e *Environment) sweep(ctx context.Context) {
	names, err := e.engine.Run(ctx, "ps", "--all", "--filter", "label="+label, "--format", `{{.Label "`+label+`"}}`)
	if err != nil {
		return // the engine tells again when it is needed
	}

	folders, _ := filepath.Glob(filepath.Join(e.options.Root, ".build", "rehearsal", "run-*"))
	for _, name := range append(strings.Fields(names), folders...) {
		id := strings.TrimPrefix(filepath.Base(name), "run-")
		process, _, _ := strings.Cut(id, "-")

		number, err := strconv.Atoi(process)
		if err != nil || syscall.Kill(number, 0) == nil {
			continue // it goes on
		}

		_ = e.engine.RemoveContainers(ctx, "label="+label+"="+id)
		_ = e.engine.RemoveContainers(ctx, "label="+label+".task="+id)
		_ = os.RemoveAll(filepath.Join(e.options.Root, ".build", "rehearsal", "run-"+id))
	}

	logs, _ := filepath.Glob(filepath.Join(e.options.Root, ".build", "rehearsal", "logs", "*"))
	for _, old := range logs[:max(0, len(logs)-keptLogs)] { // sorted by time
		_ = os.RemoveAll(old)
	}
}

// Take brings a commit from a repository on this machine, and returns its full name.
func (e *Environment) Take(ctx context.Context, from, commit string) (string, error) {
	source := &repository{folder: from}
	if _, err := os.Stat(filepath.Join(from, ".git")); err == nil {
		source.folder = filepath.Join(from, ".git")
	}

	full, err := source.run(ctx, "rev-parse", "--verify", "--end-of-options", commit+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("find the commit %s: %w", commit, err)
	}

	return full, e.commits.take(ctx, from, full)
}

func (e *Environment) startServices(ctx context.Context) error {
	log, err := os.Create(filepath.Join(e.logs, "emulator.log"))
	if err != nil {
		return fmt.Errorf("keep a log of the emulator: %w", err)
	}

	// It outlives what uses it, but an interruption ends its start.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	starting := context.AfterFunc(ctx, end)

	e.cloud, err = emulator.Start(lasting, e.options.Root, e.machine.python, log,
		"EMULATOR_REGISTRY="+e.registryAddress, "EMULATOR_SCHEDULER=external")
	if err != nil {
		end()

		return fmt.Errorf("%w; %s says more", err, log.Name())
	}

	starting()

	e.registry, err = registry.Start(ctx, e.machine.registry, e.registryAddress, filepath.Join(e.folder, "registry"))

	return err
}

// Stop ends all that runs, and leaves logs and what the next rehearsal can use again. It does so even when ctx has ended.
func (e *Environment) Stop(ctx context.Context) error {
	e.stop()
	e.running.Wait()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()

	// Who was killed leaves his children behind: Terraform its providers, make what it runs.
	for _, process := range proc.In(e.folder) {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}

	failures := []error{e.engine.RemoveContainers(ctx, "label="+e.engine.Label)}

	// What a build starts with the machine's Docker, it may not have come to remove.
	for _, image := range []string{e.image(), e.beforeImage()} {
		failures = append(failures, e.engine.RemoveContainersOf(ctx, image), e.engine.RemoveImages(ctx, image))
	}

	if e.registry != nil {
		failures = append(failures, e.registry.Stop(), e.engine.RemoveImages(ctx, e.registryAddress+"/*"))
	}

	if e.cloud != nil {
		failures = append(failures, e.cloud.Stop())
	}

	return errors.Join(append(failures, os.RemoveAll(e.folder))...)
}

// image is what builds call the image that they make.
func (e *Environment) image() string { return imageName + ":" + e.id }

func (e *Environment) beforeImage() string { return imageName + "-before:" + e.id }
