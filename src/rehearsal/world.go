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
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"golang.org/x/sync/errgroup"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/src/rehearsal/registry"
)

// Env is the environment that is rehearsed: its settings are in .infra/*/env/rehearsal.tfvars, as those of any other.
const Env = "rehearsal"

const (
	label        = "clockmirror.rehearsal" // of all containers, with the process and a random part as its value
	service      = "api"
	cleanUp      = 2 * time.Minute // bounds the end
	keptLogs     = 10              // folders of logs
	folderMode   = 0o750
	fileMode     = 0o600
	imageName    = "clockmirror-rehearsal"
	machineImage = "clockmirror-rehearsal-machine"
)

// Options say what is rehearsed, and where.
type Options struct {
	// Root is the checkout whose rehearsal this is; its .build/rehearsal keeps logs and what the next one can use again.
	Root string
	// Repository is the Git repository that has the commit; empty is Root.
	Repository string
	// Commit is a full or short name of one; empty is HEAD.
	Commit string
	// Progress takes a line for each step; with Live, as a terminal can, it also shows what is being done.
	Progress io.Writer
	Live     bool
	// Approve answers an approval; nil refuses.
	Approve func(ctx context.Context, question string) (bool, error)
}

// World is this machine's AWS account: a person has set up everything that the README says, and an older version runs.
type World struct {
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
	pipeline *codepipeline.Pipeline
	stacks   *stacks

	registryAddress, balancerAddress string
	// vulnerabilities is false where the database of known ones is out of reach.
	vulnerabilities bool

	// running are the parts that work in the background until stop.
	running sync.WaitGroup
	stop    context.CancelFunc
	// prepared is closed when everything is set up that a deployment needs; preparation says how that went.
	prepared    chan struct{}
	preparation error

	executions int
}

// Start sets the world up as far as the pipeline needs it; the rest goes on in the background. It ends with Stop.
func Start(ctx context.Context, options Options) (*World, error) {
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
	w := &World{
		options: options, progress: &progress{out: options.Progress, live: options.Live}, machine: found, id: id, stop: stop, prepared: make(chan struct{}),
		engine: &docker.Engine{Program: found.docker, Label: label + "=" + id},
		folder: filepath.Join(options.Root, ".build", "rehearsal", "world-"+id),
		logs:   filepath.Join(options.Root, ".build", "rehearsal", "logs", time.Now().Format("20060102-150405")+"-"+id),
	}

	if err = w.start(ctx, background); err != nil {
		return nil, errors.Join(err, w.Stop(ctx))
	}

	return w, nil
}

// Logs is the folder of all logs of this world.
func (w *World) Logs() string { return w.logs }

// URL is the load balancer's, without a slash at its end.
func (w *World) URL() string { return "http://" + w.balancerAddress }

func (w *World) sayf(format string, arguments ...any) { w.progress.sayf(format, arguments...) }

func (w *World) start(ctx, background context.Context) error {
	w.sweep(ctx)

	for _, folder := range []string{w.folder, w.logs, filepath.Join(w.folder, "registry")} {
		if err := os.MkdirAll(folder, folderMode); err != nil {
			return fmt.Errorf("make a folder for the rehearsal: %w", err)
		}
	}

	free, err := proc.Free(ctx, 2)
	if err != nil {
		return fmt.Errorf("find ports for the registry and the load balancer: %w", err)
	}

	w.registryAddress, w.balancerAddress = "127.0.0.1:"+strconv.Itoa(free[0]), "127.0.0.1:"+strconv.Itoa(free[1])

	w.commits, err = openRepository(ctx, w.machine.git, filepath.Join(w.folder, "repository.git"))
	if err != nil {
		return err
	}

	commit, err := w.Take(ctx, w.options.Repository, w.options.Commit)
	if err != nil {
		return err
	}

	w.sayf("setting up the account; logs are in %s", w.logs)

	parts, within := errgroup.WithContext(ctx)
	parts.Go(func() error { return w.makeMachineImage(within) })
	parts.Go(func() error { return w.startServices(within) })
	parts.Go(func() error {
		w.vulnerabilities = reachable(within, "https://vuln.go.dev/index/db.json")

		return nil
	})

	if err = parts.Wait(); err != nil {
		return err
	}

	if w.admin, err = administrator(ctx, w.cloud); err != nil {
		return err
	}

	w.schedule(background)

	return w.setUp(ctx, background, commit)
}

// sweep removes what killed rehearsals have left.
func (w *World) sweep(ctx context.Context) {
	names, err := w.engine.Run(ctx, "ps", "--all", "--filter", "label="+label, "--format", `{{.Label "`+label+`"}}`)
	if err != nil {
		return // the engine tells again when it is needed
	}

	folders, _ := filepath.Glob(filepath.Join(w.options.Root, ".build", "rehearsal", "world-*"))
	for _, world := range append(strings.Fields(names), folders...) {
		id := strings.TrimPrefix(filepath.Base(world), "world-")
		process, _, _ := strings.Cut(id, "-")

		number, err := strconv.Atoi(process)
		if err != nil || syscall.Kill(number, 0) == nil {
			continue // it goes on
		}

		_ = w.engine.RemoveContainers(ctx, "label="+label+"="+id)
		_ = w.engine.RemoveContainers(ctx, "label="+label+".task="+id)
		_ = os.RemoveAll(filepath.Join(w.options.Root, ".build", "rehearsal", "world-"+id))
	}

	logs, _ := filepath.Glob(filepath.Join(w.options.Root, ".build", "rehearsal", "logs", "*"))
	for _, old := range logs[:max(0, len(logs)-keptLogs)] { // sorted by time
		_ = os.RemoveAll(old)
	}
}

// Take brings a commit from a repository on this machine, and returns its full name.
func (w *World) Take(ctx context.Context, from, commit string) (string, error) {
	source := &repository{git: w.machine.git, folder: from}
	if _, err := os.Stat(filepath.Join(from, ".git")); err == nil {
		source.folder = filepath.Join(from, ".git")
	}

	full, err := source.run(ctx, "rev-parse", "--verify", "--end-of-options", commit+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("find the commit %s: %w", commit, err)
	}

	return full, w.commits.take(ctx, from, full)
}

// makeMachineImage makes what stands in for CodeBuild's standard image.
func (w *World) makeMachineImage(ctx context.Context) error {
	folder := filepath.Join(w.options.Root, "src", "rehearsal", "image")
	if _, err := w.engine.Run(ctx, "build", "--quiet", "--tag", machineImage, folder); err != nil {
		return fmt.Errorf("make the image of the build machines: %w", err)
	}

	return nil
}

func (w *World) startServices(ctx context.Context) error {
	log, err := os.Create(filepath.Join(w.logs, "emulator.log"))
	if err != nil {
		return fmt.Errorf("keep a log of the emulator: %w", err)
	}

	// It outlives what uses it, but an interruption ends its start.
	lasting, end := context.WithCancel(context.WithoutCancel(ctx))
	starting := context.AfterFunc(ctx, end)

	w.cloud, err = emulator.Start(lasting, w.options.Root, w.machine.python, log,
		"EMULATOR_REGISTRY="+w.registryAddress, "EMULATOR_LOAD_BALANCER="+w.balancerAddress, "EMULATOR_SCHEDULER=external")
	if err != nil {
		end()

		return fmt.Errorf("%w; %s says more", err, log.Name())
	}

	starting()

	w.registry, err = registry.Start(ctx, w.machine.registry, w.registryAddress, filepath.Join(w.folder, "registry"))

	return err
}

// schedule runs the tasks of the cluster's services from now on, each service as soon as it is there.
func (w *World) schedule(background context.Context) {
	const pace = time.Second

	client := awsecs.NewFromConfig(w.admin.config())
	cluster := "app-" + Env
	known := map[string]bool{}

	w.running.Go(func() {
		for background.Err() == nil {
			// Before there is a cluster this is an error, and at the end too.
			found, err := client.ListServices(background, &awsecs.ListServicesInput{Cluster: &cluster})
			if err != nil {
				found = &awsecs.ListServicesOutput{}
			}

			for _, arn := range found.ServiceArns {
				if name := arn[strings.LastIndexByte(arn, '/')+1:]; !known[name] {
					known[name] = true

					w.runService(background, client, cluster, name)
				}
			}

			select {
			case <-background.Done():
			case <-time.After(pace):
			}
		}
	})
}

// runService runs one service behind a load balancer of its own: the one for everybody at the address that the emulator gives
// out, a customer's at any.
func (w *World) runService(background context.Context, client *awsecs.Client, cluster, name string) {
	address := w.balancerAddress

	if name != service {
		free, err := proc.Free(background, 1)
		if err != nil {
			w.sayf("find a port for the service %s: %v", name, err)

			return
		}

		address = "127.0.0.1:" + strconv.Itoa(free[0])
	}

	scheduler := &ecs.Scheduler{
		Cluster: cluster, Service: name, Prefix: imageName + "-" + w.id, Address: address,
		ECS: client, ELB: elb.NewFromConfig(w.admin.config()), Cloud: w.cloud,
		Engine:  &docker.Engine{Program: w.engine.Program, Label: label + ".task=" + w.id},
		HAProxy: w.machine.haproxy, Secrets: w.admin.secrets, Logs: w.logs,
	}

	w.running.Go(func() {
		if err := scheduler.Run(background); err != nil {
			w.sayf("%v", err)
		}
	})
}

// Stop ends all that runs, and leaves logs and what the next rehearsal can use again. It does so even when ctx has ended.
func (w *World) Stop(ctx context.Context) error {
	w.stop()
	w.running.Wait()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()

	// Who was killed leaves his children behind: Terraform its providers, make what it runs.
	for _, process := range processesIn(w.folder) {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}

	failures := []error{w.engine.RemoveContainers(ctx, "label="+w.engine.Label)}

	// What a build starts with the machine's Docker, it may not have come to remove.
	for _, image := range []string{w.image(), w.beforeImage()} {
		failures = append(failures, w.engine.RemoveContainersOf(ctx, image), w.engine.RemoveImages(ctx, image))
	}

	if w.registry != nil {
		failures = append(failures, w.registry.Stop(), w.engine.RemoveImages(ctx, w.registryAddress+"/*"))
	}

	if w.cloud != nil {
		failures = append(failures, w.cloud.Stop())
	}

	return errors.Join(append(failures, os.RemoveAll(w.folder))...)
}

// processesIn are the processes that work in a folder.
func processesIn(folder string) []int {
	var found []int

	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is right
	for _, link := range links {
		if at, err := os.Readlink(link); err != nil || !strings.HasPrefix(at, folder) {
			continue // it has ended, or is somebody else's
		}

		if number, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			found = append(found, number)
		}
	}

	return found
}

// image is what builds call the image that they make.
func (w *World) image() string { return imageName + ":" + w.id }

func (w *World) beforeImage() string { return imageName + "-before:" + w.id }
