package ecs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// asked is what a service asks for; percentages that it does not have are ECS's defaults.
func asked(from *types.Service) service {
	const minimum, maximum = 100, 200

	wanted := service{desired: int(from.DesiredCount)}

	configuration := from.DeploymentConfiguration
	if configuration == nil {
		configuration = &types.DeploymentConfiguration{}
	}

	wanted.floor, wanted.ceiling = bounds(wanted.desired, int(value(configuration.MinimumHealthyPercent, minimum)), int(value(configuration.MaximumPercent, maximum)))

	if breaker := configuration.DeploymentCircuitBreaker; breaker != nil {
		wanted.breaker, wanted.rollsBack = breaker.Enable, breaker.Rollback
	}

	return wanted
}

// observe looks at every task, in the order in which ECS lists the deployments; ones that it lists no longer come last.
func (s *Scheduler) observe(from *types.Service) ([]observedDeployment, error) {
	passing, err := s.lb.Healths()
	if err != nil {
		return nil, fmt.Errorf("look at the targets: %w", err)
	}

	grace := time.Duration(aws.ToInt32(from.HealthCheckGracePeriodSeconds)) * time.Second

	var observed []observedDeployment

	for _, id := range s.order(from) {
		known := s.deployments[id]
		seen := observedDeployment{id: id, primary: id == primaryOf(from), state: known.state, failures: known.failures}

		for _, task := range known.tasks {
			seen.tasks = append(seen.tasks, observedTask{
				name: task.name, running: task.runs(), passes: passing[task.name], late: time.Since(task.began) > grace,
				health: task.check.health(), stopping: task.stopping,
			})

			if seen.tasks[len(seen.tasks)-1].ready() {
				s.mark(task.name, "healthy")
			}
		}

		observed = append(observed, seen)
	}

	s.observed = observed

	return observed, nil
}

// order lists the ids of all known deployments.
func (s *Scheduler) order(from *types.Service) []string {
	var ids []string

	for _, told := range from.Deployments {
		ids = append(ids, aws.ToString(told.Id))
	}

	for _, id := range slices.Sorted(maps.Keys(s.deployments)) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}

	return ids
}

func primaryOf(from *types.Service) string {
	for _, told := range from.Deployments {
		if aws.ToString(told.Status) == "PRIMARY" {
			return aws.ToString(told.Id)
		}
	}

	return ""
}
