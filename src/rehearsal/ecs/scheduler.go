// Package ecs does on this machine what ECS does with a service: it runs the tasks that a deployment asks for as
// containers behind a real load balancer, replaces them by the service's settings, and rolls a deployment back that fails.
package ecs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// pace is how often a service is looked at.
const pace = 300 * time.Millisecond

// Scheduler runs one service.
type Scheduler struct {
	Cluster, Service string
	// Prefix begins the names of tasks.
	Prefix string
	ECS    *ecs.Client
	ELB    *elb.Client
	ACM    *acm.Client
	Cloud  *emulator.Emulator
	Engine *docker.Engine
	// StartBalancer starts the load balancer, which has the names of the ALB.
	StartBalancer func(ctx context.Context, entrance Entrance, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error)
	// Secrets gets the values of a container's secrets, as the execution role may.
	Secrets func(ctx context.Context, executionRole string, secrets []types.Secret) (map[string]string, error)
	// Logs is the folder for what tasks and the load balancer write.
	Logs string
	// Mark hears when a task is starting, healthy, draining and stopped; nil if no one listens. It may hear the same again.
	Mark func(task, what string)

	lb          *proxy.Balancer
	balancer    string // its ARN
	oneBox      bool
	share       int
	delay       time.Duration
	deployments map[string]*deployment
	observed    []observedDeployment
	started     int
	log         io.WriteCloser
}

// deployment is what is known of one, besides what ECS says.
type deployment struct {
	definition *types.TaskDefinition
	tasks      []*task
	failures   int
	state      string
	reason     string
}

// Run carries out what the service asks for until ctx ends; then it removes everything that it started. The service need
// not be there yet.
func (s *Scheduler) Run(ctx context.Context) error {
	s.deployments = map[string]*deployment{}

	log, err := os.Create(filepath.Join(s.Logs, "fargate-"+s.Service+".log"))
	if err != nil {
		return fmt.Errorf("keep a log of the service: %w", err)
	}

	s.log = log

	defer func() { _ = log.Close() }()
	defer s.remove(context.WithoutCancel(ctx))

	ticker := time.NewTicker(pace)
	defer ticker.Stop()

	for {
		if err := s.step(ctx); err != nil && ctx.Err() == nil {
			s.sayf("%v", err)
		}

		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *Scheduler) mark(task, what string) {
	if s.Mark != nil {
		s.Mark(strings.TrimPrefix(task, s.Prefix+"-"), what)
	}
}

func (s *Scheduler) sayf(format string, arguments ...any) {
	fmt.Fprintf(s.log, time.Now().Format(time.TimeOnly)+" "+format+"\n", arguments...)
}

// remove ends what runs, at once.
func (s *Scheduler) remove(ctx context.Context) {
	for _, deployment := range s.deployments {
		for _, task := range deployment.tasks {
			if !task.stopping {
				task.stopping = true

				close(task.ends)
			}
		}
	}

	if s.lb != nil {
		_ = s.lb.Stop(ctx)
	}

	_ = s.Engine.RemoveContainers(ctx, "label="+s.Engine.Label)
}

// step looks at the service once, and does what is due.
func (s *Scheduler) step(ctx context.Context) error {
	answer, err := s.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
	if _, missing := errors.AsType[*types.ClusterNotFoundException](err); missing {
		return nil
	}

	if err != nil {
		return fmt.Errorf("look at the service: %w", err)
	}

	if len(answer.Services) == 0 || aws.ToString(answer.Services[0].Status) != "ACTIVE" || len(answer.Services[0].LoadBalancers) == 0 {
		return nil
	}

	service := &answer.Services[0]

	if s.lb == nil {
		if err = s.startBalancer(ctx, service); err != nil {
			return err
		}
	}

	if s.oneBox {
		if err = s.takeShare(ctx, service); err != nil {
			return err
		}
	}

	for i := range service.Deployments {
		if err = s.learn(ctx, &service.Deployments[i]); err != nil {
			return err
		}
	}

	s.reap()

	observed, err := s.observe(service)
	if err != nil {
		return err
	}

	decided := decide(asked(service), observed)
	if err = s.act(ctx, service, decided); err != nil {
		return err
	}

	return s.report(ctx, decided.over)
}

// learn takes in a deployment that ECS has begun.
func (s *Scheduler) learn(ctx context.Context, told *types.Deployment) error {
	id := aws.ToString(told.Id)
	if s.deployments[id] != nil {
		return nil
	}

	answer, err := s.ECS.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: told.TaskDefinition})
	if err != nil {
		return fmt.Errorf("look at the task definition: %w", err)
	}

	s.deployments[id] = &deployment{definition: answer.TaskDefinition, state: inProgress, reason: "ECS deployment " + id + " in progress."}
	s.sayf("deployment %s of %s begins", id, aws.ToString(told.TaskDefinition))

	return nil
}

// reap forgets tasks that have ended.
func (s *Scheduler) reap() {
	for _, deployment := range s.deployments {
		var left []*task

		for _, task := range deployment.tasks {
			select {
			case <-task.ends:
				s.mark(task.name, "stopped")
			default:
				left = append(left, task)
			}
		}

		deployment.tasks = left
	}
}

// act carries a decision out.
func (s *Scheduler) act(ctx context.Context, from *types.Service, decided decision) error {
	for _, failure := range decided.failures {
		of := s.deployments[failure.deployment]
		of.failures++
		of.reason = failure.describe()
		s.sayf("task %s failed: %s", failure.task, failure.reason)
		s.stop(ctx, failure.task)
	}

	for _, name := range decided.stops {
		s.stop(ctx, name)
	}

	primary := s.deployments[primaryOf(from)]

	for range decided.starts {
		if err := s.start(ctx, from, primary); err != nil {
			primary.failures++
			primary.reason = err.Error()
			s.sayf("a task does not start: %v", err)
		}
	}

	switch decided.state {
	case completed:
		primary.state, primary.reason = completed, "completed"

		s.sayf("the deployment is complete: %d tasks", from.DesiredCount)
	case failed:
		primary.state = failed

		s.sayf("the circuit breaker opens after %d failed tasks: %s", primary.failures, primary.reason)
	}

	if decided.rollBackTo == "" {
		return nil
	}

	// ECS hears of the failure before it goes back.
	if err := s.report(ctx, nil); err != nil {
		return err
	}

	s.sayf("rolled back to deployment %s", decided.rollBackTo)

	goal := s.deployments[decided.rollBackTo]
	goal.state, goal.reason = inProgress, "ECS deployment circuit breaker: rolling back to deploymentId "+decided.rollBackTo+"."

	return s.Cloud.RollBack(ctx, s.Cluster, s.Service, decided.rollBackTo)
}

// stop stops a task, which takes the deregistration delay and its own shutdown.
func (s *Scheduler) stop(ctx context.Context, name string) {
	for _, deployment := range s.deployments {
		for _, task := range deployment.tasks {
			if task.name == name {
				s.mark(name, "draining")

				task.stopping = true

				go task.stop(ctx, s.Engine, s.lb, s.delay, s.Logs)
			}
		}
	}
}

func (s *Scheduler) start(ctx context.Context, service *types.Service, of *deployment) error {
	container := of.definition.ContainerDefinitions[0]

	secrets, err := s.Secrets(ctx, aws.ToString(of.definition.ExecutionRoleArn), container.Secrets)
	if err != nil {
		return fmt.Errorf("get the secrets of %s: %w", s.Service, err)
	}

	s.started++
	name := fmt.Sprintf("%s-%s-%d", s.Prefix, s.Service, s.started)

	begun, err := run(ctx, s.Engine, name, of.definition, secrets)
	if err != nil {
		return err
	}

	address, err := begun.address(ctx, s.Engine, aws.ToInt32(service.LoadBalancers[0].ContainerPort))
	if err == nil {
		err = s.lb.Register(name, address)
	}

	s.mark(name, "starting")

	of.tasks = append(of.tasks, begun)

	if err != nil {
		_, _ = s.Engine.Run(ctx, "rm", "--force", name)
		begun.stopping = true

		close(begun.ends)

		return fmt.Errorf("register %s: %w", name, err)
	}

	s.sayf("task %s runs %s at %s", name, aws.ToString(container.Image), address)

	go begun.watch(ctx, s.Engine)

	return nil
}

// report tells ECS how deployments stand, and which are over.
func (s *Scheduler) report(ctx context.Context, over []string) error {
	for _, id := range over {
		delete(s.deployments, id)
	}

	stands := map[string]emulator.Deployment{}

	for _, seen := range s.observed {
		known := s.deployments[seen.id]
		if known == nil {
			continue
		}

		stands[seen.id] = emulator.Deployment{State: known.state, Reason: known.reason, Running: seen.ready(), Failed: known.failures}
	}

	return s.Cloud.ReportDeployments(ctx, s.Cluster, s.Service, stands, over)
}
