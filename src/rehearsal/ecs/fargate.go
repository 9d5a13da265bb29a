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
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// pace is how often a service is looked at.
const pace = 300 * time.Millisecond

// The states of a deployment, as ECS calls them.
const (
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
	failed     = "FAILED"
)

// Scheduler runs one service.
type Scheduler struct {
	Cluster, Service string
	// Prefix begins the names of tasks.
	Prefix string
	ECS    *ecs.Client
	ELB    *elb.Client
	Cloud  *emulator.Emulator
	Engine *docker.Engine
	// StartBalancer starts the load balancer, which has the DNS name of the ALB.
	StartBalancer func(ctx context.Context, dnsName string, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error)
	// Secrets gets the values of a container's secrets, as the execution role may.
	Secrets func(ctx context.Context, executionRole string, secrets []types.Secret) (map[string]string, error)
	// Logs is the folder for what tasks and the load balancer write.
	Logs string

	lb          *proxy.Balancer
	delay       time.Duration
	deployments map[string]*deployment
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

func (s *Scheduler) sayf(format string, arguments ...any) {
	fmt.Fprintf(s.log, time.Now().Format(time.TimeOnly)+" "+format+"\n", arguments...)
}

// remove ends what runs, at once: nobody asks any more.
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

	for i := range service.Deployments {
		if err = s.meet(ctx, &service.Deployments[i]); err != nil {
			return err
		}
	}

	s.bury()

	if err = s.inspect(ctx, service); err != nil {
		return err
	}

	if err = s.advance(ctx, service); err != nil {
		return err
	}

	return s.report(ctx, service)
}

// startBalancer sets a load balancer up from the target group's settings.
func (s *Scheduler) startBalancer(ctx context.Context, service *types.Service) error {
	arn := aws.ToString(service.LoadBalancers[0].TargetGroupArn)

	groups, err := s.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil {
		return fmt.Errorf("look at the target group: %w", err)
	}

	attributes, err := s.ELB.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if err != nil {
		return fmt.Errorf("look at the target group: %w", err)
	}

	settings, err := settingsOf(&groups.TargetGroups[0])
	if err != nil {
		return err
	}

	for _, attribute := range attributes.Attributes {
		switch aws.ToString(attribute.Key) {
		case "deregistration_delay.timeout_seconds":
			seconds, err := strconv.Atoi(aws.ToString(attribute.Value))
			if err != nil {
				return fmt.Errorf("read the deregistration delay: %w", err)
			}

			s.delay = time.Duration(seconds) * time.Second
		case "load_balancing.algorithm.type":
			settings.LeastOutstanding = aws.ToString(attribute.Value) == "least_outstanding_requests"
		}
	}

	name, err := s.dnsName(ctx, &groups.TargetGroups[0])
	if err != nil {
		return err
	}

	log, err := os.Create(filepath.Join(s.Logs, "load-balancer-"+s.Service+".log"))
	if err != nil {
		return fmt.Errorf("keep a log of the load balancer: %w", err)
	}

	s.lb, err = s.StartBalancer(ctx, name, settings, log)
	s.sayf("load balancer %s: %+v, deregistration delay %s", name, settings, s.delay)

	return errors.Join(err, log.Close())
}

// dnsName is that of the load balancer that forwards to a target group.
func (s *Scheduler) dnsName(ctx context.Context, group *elbtypes.TargetGroup) (string, error) {
	answer, err := s.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: group.LoadBalancerArns})
	if err != nil {
		return "", fmt.Errorf("look at the load balancer: %w", err)
	}

	if len(answer.LoadBalancers) != 1 {
		return "", fmt.Errorf("the target group %s has %d load balancers; a rehearsal knows one", aws.ToString(group.TargetGroupName), len(answer.LoadBalancers))
	}

	return aws.ToString(answer.LoadBalancers[0].DNSName), nil
}

func settingsOf(group *elbtypes.TargetGroup) (proxy.Settings, error) {
	if group.Matcher == nil || aws.ToString(group.Matcher.HttpCode) != "200" {
		return proxy.Settings{}, errors.New("the target group takes other codes than 200 for healthy, which a rehearsal does not know")
	}

	return proxy.Settings{
		Path:      aws.ToString(group.HealthCheckPath),
		Interval:  time.Duration(aws.ToInt32(group.HealthCheckIntervalSeconds)) * time.Second,
		Timeout:   time.Duration(aws.ToInt32(group.HealthCheckTimeoutSeconds)) * time.Second,
		Healthy:   int(aws.ToInt32(group.HealthyThresholdCount)),
		Unhealthy: int(aws.ToInt32(group.UnhealthyThresholdCount)),
	}, nil
}

// meet learns of a deployment that ECS has begun.
func (s *Scheduler) meet(ctx context.Context, told *types.Deployment) error {
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

// bury forgets tasks that are gone.
func (s *Scheduler) bury() {
	for _, deployment := range s.deployments {
		var left []*task

		for _, task := range deployment.tasks {
			select {
			case <-task.ends:
			default:
				left = append(left, task)
			}
		}

		deployment.tasks = left
	}
}

// inspect finds tasks that have failed, and stops them.
func (s *Scheduler) inspect(ctx context.Context, service *types.Service) error {
	running, err := s.Engine.Run(ctx, "ps", "--filter", "label="+s.Engine.Label, "--format", "{{.Names}}")
	if err != nil {
		return fmt.Errorf("look at the tasks: %w", err)
	}

	alive := map[string]bool{}
	for name := range strings.FieldsSeq(running) {
		alive[name] = true
	}

	grace := time.Duration(aws.ToInt32(service.HealthCheckGracePeriodSeconds)) * time.Second

	for _, deployment := range s.deployments {
		for _, task := range deployment.tasks {
			if task.stopping {
				continue
			}

			passes, err := s.lb.Health(task.name)
			if err != nil {
				return fmt.Errorf("look at the targets: %w", err)
			}

			switch late := time.Since(task.began) > grace; {
			case !alive[task.name]:
				s.fail(ctx, deployment, task, "the container ended")
			case vitality(task.vitality.Load()) == unhealthy:
				s.fail(ctx, deployment, task, "the container's health check fails")
			case !passes && late:
				s.fail(ctx, deployment, task, "the load balancer's health checks fail")
			}
		}
	}

	return nil
}

func (s *Scheduler) fail(ctx context.Context, of *deployment, failed *task, why string) {
	of.failures++
	of.reason = failed.name + ": " + why
	s.sayf("task %s failed: %s", failed.name, why)
	s.stop(ctx, failed)
}

func (s *Scheduler) stop(ctx context.Context, one *task) {
	one.stopping = true

	go one.stop(ctx, s.Engine, s.lb, s.delay, s.Logs)
}

// ready tells whether a task counts as healthy.
func (s *Scheduler) ready(one *task) bool {
	if one.stopping || vitality(one.vitality.Load()) != healthy {
		return false
	}

	passes, err := s.lb.Health(one.name)

	return err == nil && passes
}

// advance starts and stops tasks as far as the service's settings allow.
func (s *Scheduler) advance(ctx context.Context, service *types.Service) error {
	primary, others := s.sort(service)
	if primary == nil {
		return nil
	}

	desired := int(service.DesiredCount)
	floor, ceiling := bounds(service.DeploymentConfiguration, desired)

	total, able, own := 0, 0, 0

	for _, deployment := range s.deployments {
		for _, task := range deployment.tasks {
			total++

			if s.ready(task) {
				able++
			}
		}
	}

	for _, task := range primary.tasks {
		if !task.stopping {
			own++
		}
	}

	if primary.state != failed {
		for range min(desired-own, ceiling-total) {
			if err := s.start(ctx, service, primary); err != nil {
				primary.failures++
				primary.reason = err.Error()
				s.sayf("a task does not start: %v", err)
			}
		}
	}

	for _, deployment := range others {
		for _, task := range deployment.tasks {
			switch {
			case task.stopping:
			case !s.ready(task):
				s.stop(ctx, task)
			case able > floor:
				s.stop(ctx, task)

				able--
			}
		}
	}

	return s.judge(ctx, service, primary, desired)
}

// sort parts the deployment that is wanted from those that are on their way out.
func (s *Scheduler) sort(service *types.Service) (primary *deployment, others []*deployment) {
	id := ""

	for _, told := range service.Deployments {
		if aws.ToString(told.Status) == "PRIMARY" {
			id = aws.ToString(told.Id)
		}
	}

	for other, deployment := range s.deployments {
		if other != id {
			others = append(others, deployment)
		}
	}

	return s.deployments[id], others
}

// bounds are how few healthy tasks there may be, and how many at all.
func bounds(configuration *types.DeploymentConfiguration, desired int) (floor, ceiling int) {
	const hundred = 100

	least, most := hundred, 2*hundred
	if configuration != nil {
		least, most = int(value(configuration.MinimumHealthyPercent, hundred)), int(value(configuration.MaximumPercent, 2*hundred))
	}

	return (desired*least + hundred - 1) / hundred, desired * most / hundred
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

// judge says whether a deployment is complete, or has failed as the circuit breaker sees it.
func (s *Scheduler) judge(ctx context.Context, service *types.Service, primary *deployment, desired int) error {
	able, left := 0, 0

	for _, deployment := range s.deployments {
		for _, task := range deployment.tasks {
			switch {
			case deployment == primary && s.ready(task):
				able++
			default:
				left++
			}
		}
	}

	switch breaker := circuitBreaker(service); {
	case able == desired && left == 0 && primary.state == inProgress:
		primary.state, primary.reason = completed, "completed"

		s.sayf("the deployment is complete: %d tasks", able)
	case primary.state == inProgress && breaker.Enable && primary.failures >= threshold(desired):
		primary.state = failed

		s.sayf("the circuit breaker opens after %d failed tasks: %s", primary.failures, primary.reason)

		if breaker.Rollback {
			return s.rollBack(ctx, service)
		}
	}

	return nil
}

func circuitBreaker(service *types.Service) types.DeploymentCircuitBreaker {
	if service.DeploymentConfiguration == nil || service.DeploymentConfiguration.DeploymentCircuitBreaker == nil {
		return types.DeploymentCircuitBreaker{}
	}

	return *service.DeploymentConfiguration.DeploymentCircuitBreaker
}

// threshold is how many failed tasks open the circuit: half of those wanted, but from 3 to 200; see
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html.
func threshold(desired int) int {
	const least, most = 3, 200

	return max(least, min(most, (desired+1)/2))
}

// rollBack goes back to the last deployment that was complete, if there is one.
func (s *Scheduler) rollBack(ctx context.Context, service *types.Service) error {
	for _, told := range service.Deployments {
		id := aws.ToString(told.Id)
		if s.deployments[id].state != completed {
			continue
		}

		s.sayf("rolled back to %s", aws.ToString(told.TaskDefinition))
		s.deployments[id].state = inProgress

		return s.Cloud.RollBack(ctx, s.Cluster, s.Service, id)
	}

	return nil
}

// report tells ECS how deployments stand; one without tasks that is not wanted any more is over.
func (s *Scheduler) report(ctx context.Context, service *types.Service) error {
	primary, _ := s.sort(service)
	stands := map[string]emulator.Deployment{}

	var over []string

	for id, deployment := range s.deployments {
		running := 0

		for _, task := range deployment.tasks {
			if s.ready(task) {
				running++
			}
		}

		if deployment != primary && len(deployment.tasks) == 0 {
			over = append(over, id)

			continue
		}

		stands[id] = emulator.Deployment{State: deployment.state, Reason: deployment.reason, Running: running, Failed: deployment.failures}
	}

	for _, id := range over {
		delete(s.deployments, id)
	}

	return s.Cloud.ReportDeployments(ctx, s.Cluster, s.Service, stands, over)
}
