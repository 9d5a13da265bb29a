package ecs

import "fmt"

// The states of a deployment, as ECS calls them.
const (
	inProgress = "IN_PROGRESS"
	completed  = "COMPLETED"
	failed     = "FAILED"
)

// service is what a service asks for.
type service struct {
	desired int
	// floor is how few healthy tasks there may be, ceiling how many tasks of any kind.
	floor, ceiling     int
	breaker, rollsBack bool
}

// observedTask is a task as it is seen at one moment.
type observedTask struct {
	name string
	// running tells whether its container runs, passes whether it passes the load balancer's checks, late whether the grace
	// period for those is over.
	running, passes, late bool
	health                health
	// stopping tells that it was asked to end.
	stopping bool
}

// observedDeployment is a deployment as it is seen at one moment.
type observedDeployment struct {
	id       string
	primary  bool // the one that the service asks for
	state    string
	failures int
	tasks    []observedTask
}

// failure is a task that has failed, and why.
type failure struct{ deployment, task, reason string }

// decision is what is to be done at one moment.
type decision struct {
	// failures are tasks to stop because they failed, stops those that are no longer needed.
	failures []failure
	stops    []string
	// starts is how many tasks of the primary deployment to start.
	starts int
	// state is what the primary deployment becomes; empty if it stays what it is.
	state string
	// rollBackTo is the deployment to return to; empty if there is none.
	rollBackTo string
	// over are the deployments that have ended.
	over []string
}

// decide is ECS's rolling update: it starts and stops tasks as far as the service's settings allow, and evaluates the primary deployment.
func decide(asked service, deployments []observedDeployment) decision {
	var decided decision

	total, ready := 0, 0
	primary := observedDeployment{state: failed}

	for _, deployment := range deployments {
		if deployment.primary {
			primary = deployment
		}

		total += len(deployment.tasks)
		ready += deployment.ready()

		for _, task := range deployment.tasks {
			if reason := task.failure(); reason != "" {
				decided.failures = append(decided.failures, failure{deployment.id, task.name, reason})
			}
		}
	}

	decided.scale(asked, primary, total)

	for _, deployment := range deployments {
		if !deployment.primary {
			ready -= decided.drain(deployment, ready-asked.floor)
		}
	}

	decided.evaluate(asked, primary, deployments, primary.ready() == asked.desired && total == asked.desired)

	return decided
}

// scale brings the number of the primary deployment's tasks to what is asked for.
func (d *decision) scale(asked service, primary observedDeployment, total int) {
	var own []string

	for _, task := range primary.tasks {
		if !task.stopping && task.failure() == "" {
			own = append(own, task.name)
		}
	}

	switch {
	case len(own) > asked.desired: // the newest leave
		d.stops = append(d.stops, own[asked.desired:]...)
	case primary.state != failed:
		d.starts = max(0, min(asked.desired-len(own), asked.ceiling-total))
	}
}

// drain stops tasks of a former deployment: those that are not ready, and as many of the ready ones as may go. It returns how many ready
// ones it stops.
func (d *decision) drain(former observedDeployment, mayGo int) int {
	if len(former.tasks) == 0 {
		d.over = append(d.over, former.id)
	}

	gone := 0

	for _, task := range former.tasks {
		switch {
		case task.stopping || task.failure() != "": // it ends already
		case !task.ready():
			d.stops = append(d.stops, task.name)
		case gone < mayGo:
			d.stops = append(d.stops, task.name)
			gone++
		}
	}

	return gone
}

// evaluate says whether the primary deployment is complete, or has failed as the circuit breaker sees it.
func (d *decision) evaluate(asked service, primary observedDeployment, deployments []observedDeployment, complete bool) {
	if primary.state != inProgress {
		return
	}

	failures := primary.failures

	for _, failure := range d.failures {
		if failure.deployment == primary.id {
			failures++
		}
	}

	switch {
	case complete:
		d.state = completed
	case asked.breaker && failures >= threshold(asked.desired):
		d.state, d.starts = failed, 0

		for _, other := range deployments {
			if asked.rollsBack && other.state == completed && !other.primary {
				d.rollBackTo = other.id
			}
		}
	}
}

// failure says why a task has failed; empty if it has not.
func (t observedTask) failure() string {
	switch {
	case t.stopping:
		return ""
	case !t.running:
		return "the container ended"
	case t.health == unhealthy:
		return "the container's health check fails"
	case !t.passes && t.late:
		return "the load balancer's health checks fail"
	default:
		return ""
	}
}

// ready tells whether a task counts as healthy.
func (t observedTask) ready() bool {
	return t.running && !t.stopping && t.health == healthy && t.passes
}

// ready is how many tasks count as healthy.
func (d observedDeployment) ready() int {
	count := 0

	for _, task := range d.tasks {
		if task.ready() {
			count++
		}
	}

	return count
}

// threshold is how many failed tasks open the circuit: half of those wanted, but from 3 to 200; see
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html.
func threshold(desired int) int {
	const least, most = 3, 200

	return max(least, min(most, (desired+1)/2))
}

// bounds are how few healthy tasks there may be, and how many at all, for the percentages of a deployment configuration.
func bounds(desired, minimumPercent, maximumPercent int) (floor, ceiling int) {
	const whole = 100

	return (desired*minimumPercent + whole - 1) / whole, desired * maximumPercent / whole
}

// describe is a failure in a sentence.
func (f failure) describe() string { return fmt.Sprintf("%s: %s", f.task, f.reason) }
