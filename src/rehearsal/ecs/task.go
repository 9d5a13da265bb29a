package ecs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// ECS's defaults.
const (
	stopTimeout   = 30
	healthTimeout = 5
	cpuUnits      = 1024 // of a CPU
)

// task is one container, as a task definition wants it, registered with a load balancer.
type task struct {
	name      string
	began     time.Time
	container types.ContainerDefinition
	check     *check
	// exited is closed when the container does not run any more, ends when the task is gone.
	exited, ends chan struct{}
	stopping     bool
}

// run starts a container of a task definition.
func run(ctx context.Context, engine *docker.Engine, name string, definition *types.TaskDefinition, secrets map[string]string) (*task, error) {
	if len(definition.ContainerDefinitions) != 1 {
		return nil, fmt.Errorf("the task definition %s has %d containers; a rehearsal runs tasks of one", aws.ToString(definition.TaskDefinitionArn), len(definition.ContainerDefinitions))
	}

	container := definition.ContainerDefinitions[0]
	if len(container.MountPoints)+len(container.VolumesFrom)+len(container.DependsOn)+len(container.Ulimits) != 0 {
		return nil, fmt.Errorf("the container %s mounts, waits or has ulimits, which a rehearsal does not know", aws.ToString(container.Name))
	}

	arguments, environment, err := options(definition, &container, secrets)
	if err != nil {
		return nil, err
	}

	arguments = append([]string{"run", "--detach", "--name", name, "--label", engine.Label}, arguments...)

	if len(container.EntryPoint) > 0 {
		arguments = append(arguments, "--entrypoint", container.EntryPoint[0])
	}

	arguments = append(arguments, aws.ToString(container.Image))
	if len(container.EntryPoint) > 0 {
		arguments = append(arguments, container.EntryPoint[1:]...)
	}

	var stderr strings.Builder

	command := engine.Command(ctx, append(arguments, container.Command...)...)
	command.Env = append(command.Env, environment...) // so that a list of processes does not show values
	command.Stderr = &stderr

	if err = command.Run(); err != nil {
		return nil, fmt.Errorf("start %s: %w: %s", aws.ToString(container.Image), err, strings.TrimSpace(stderr.String()))
	}

	begun := &task{
		name: name, began: time.Now(), container: container, check: newCheck(container.HealthCheck), exited: make(chan struct{}), ends: make(chan struct{}),
	}

	go func() {
		defer close(begun.exited)

		_, _ = engine.Run(ctx, "wait", name) // asking again and again would take a client each time
	}()

	return begun, nil
}

// runs reports whether the container runs.
func (t *task) runs() bool {
	select {
	case <-t.exited:
		return false
	default:
		return true
	}
}

// options are docker's for what a task definition says, and the environment that they take values from.
func options(definition *types.TaskDefinition, container *types.ContainerDefinition, secrets map[string]string) (arguments, environment []string, err error) {
	units, err := strconv.Atoi(aws.ToString(definition.Cpu))
	if err != nil {
		return nil, nil, fmt.Errorf("read the task's CPU units: %w", err)
	}

	arguments = []string{
		"--cpus", strconv.FormatFloat(float64(units)/cpuUnits, 'f', -1, 64),
		"--memory", aws.ToString(definition.Memory) + "m",
		"--security-opt", "no-new-privileges",
		"--no-healthcheck", // ECS looks at the task definition's, not at the image's
	}

	if aws.ToBool(container.ReadonlyRootFilesystem) {
		arguments = append(arguments, "--read-only")
	}

	if container.User != nil {
		arguments = append(arguments, "--user", *container.User)
	}

	if linux := container.LinuxParameters; linux != nil && linux.Capabilities != nil {
		for _, capability := range linux.Capabilities.Drop {
			arguments = append(arguments, "--cap-drop", capability)
		}
	}

	set := func(name, value string) {
		arguments = append(arguments, "--env", name)
		environment = append(environment, name+"="+value)
	}

	set("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")

	for _, variable := range container.Environment {
		set(aws.ToString(variable.Name), aws.ToString(variable.Value))
	}

	for name, value := range secrets {
		set(name, value)
	}

	return arguments, environment, nil
}

// address is where the task answers.
func (t *task) address(ctx context.Context, engine *docker.Engine, port int32) (string, error) {
	ip, err := engine.Run(ctx, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", t.name)
	if err == nil && ip == "" {
		err = errors.New("it ended at its start")
	}

	return ip + ":" + strconv.Itoa(int(port)), err
}

// watch runs the container's health check as ECS does, until the task is gone.
func (t *task) watch(ctx context.Context, engine *docker.Engine) {
	if t.container.HealthCheck == nil {
		return
	}

	command := t.container.HealthCheck.Command
	if len(command) > 0 && command[0] == "CMD-SHELL" {
		command = append([]string{"CMD", "/bin/sh", "-c"}, command[1:]...)
	}

	for {
		err := t.probe(ctx, engine, command[1:], seconds(t.container.HealthCheck.Timeout, healthTimeout))
		pause := t.check.record(err == nil, time.Since(t.began))

		select {
		case <-ctx.Done():
			return
		case <-t.ends:
			return
		case <-time.After(pause):
		}
	}
}

func (t *task) probe(ctx context.Context, engine *docker.Engine, command []string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	_, err := engine.Run(ctx, append([]string{"exec", t.name}, command...)...)

	return err
}

// stop takes the task out of the load balancer, then ends it, and keeps what it wrote.
func (t *task) stop(ctx context.Context, engine *docker.Engine, lb *proxy.Balancer, delay time.Duration, logs string) {
	defer close(t.ends)

	if err := lb.Deregister(t.name); err == nil {
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}

		_ = lb.Forget(t.name) // at the end of a rehearsal the balancer may be gone first
	}

	limit := strconv.Itoa(int(value(t.container.StopTimeout, stopTimeout)))
	if _, err := engine.Run(ctx, "stop", "--time", limit, t.name); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "stop a task:", err)
	}

	if output, err := engine.Command(ctx, "logs", t.name).CombinedOutput(); err == nil {
		_ = os.WriteFile(filepath.Join(logs, t.name+".log"), output, 0o600) // for people; nothing depends on it
	}

	_, _ = engine.Run(ctx, "rm", "--force", "--volumes", t.name)
}

func seconds(given *int32, otherwise int32) time.Duration {
	return time.Duration(value(given, otherwise)) * time.Second
}

func value(given *int32, otherwise int32) int32 {
	if given == nil {
		return otherwise
	}

	return *given
}
