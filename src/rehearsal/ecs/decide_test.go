package ecs

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// two is a service of two tasks, replaced at 100 to 200 %, that rolls back.
func two() service {
	return service{desired: 2, floor: 2, ceiling: 4, breaker: true, rollsBack: true}
}

func tasks(kind func(string) observedTask, names ...string) []observedTask {
	made := []observedTask{}
	for _, name := range names {
		made = append(made, kind(name))
	}

	return made
}

func good(name string) observedTask {
	return observedTask{name: name, running: true, passes: true, late: true, health: healthy}
}

func starting(name string) observedTask {
	return observedTask{name: name, running: true, health: unknown}
}

func leaving(name string) observedTask {
	return observedTask{name: name, running: true, passes: true, health: healthy, stopping: true}
}

func TestDecide(t *testing.T) {
	t.Parallel()

	ended := observedTask{name: "a"}
	sick := observedTask{name: "a", running: true, passes: true, health: unhealthy}
	silent := observedTask{name: "a", running: true, late: true, health: healthy}
	warming := observedTask{name: "a", running: true, health: healthy}

	current := func(state string, failures int, tasks []observedTask) observedDeployment {
		return observedDeployment{id: "new", primary: true, state: state, failures: failures, tasks: tasks}
	}
	former := func(state string, tasks []observedTask) observedDeployment {
		return observedDeployment{id: "old", state: state, tasks: tasks}
	}

	for name, test := range map[string]struct {
		asked       service
		deployments []observedDeployment
		want        decision
	}{
		"a new service starts all its tasks": {
			two(), []observedDeployment{current(inProgress, 0, nil)}, decision{starts: 2},
		},
		"tasks that start are waited for": {
			two(), []observedDeployment{current(inProgress, 0, tasks(starting, "a", "b"))}, decision{},
		},
		"a deployment with all tasks ready is complete": {
			two(), []observedDeployment{current(inProgress, 0, tasks(good, "a", "b"))}, decision{state: completed},
		},
		"a complete deployment stays complete": {
			two(), []observedDeployment{current(completed, 0, tasks(good, "a", "b"))}, decision{},
		},
		"the next deployment starts before the former ends": {
			two(), []observedDeployment{current(inProgress, 0, nil), former(completed, tasks(good, "x", "y"))}, decision{starts: 2},
		},
		"a former task leaves for each new one that is ready": {
			two(),
			[]observedDeployment{current(inProgress, 0, append(tasks(good, "a"), starting("b"))), former(completed, tasks(good, "x", "y"))},
			decision{stops: []string{"x"}},
		},
		"all former tasks leave once all new ones are ready": {
			two(),
			[]observedDeployment{current(inProgress, 0, tasks(good, "a", "b")), former(completed, tasks(good, "x", "y"))},
			decision{stops: []string{"x", "y"}},
		},
		"a deployment is not complete while former tasks leave": {
			two(), []observedDeployment{current(inProgress, 0, tasks(good, "a", "b")), former(completed, tasks(leaving, "x", "y"))}, decision{},
		},
		"a former deployment without tasks is over": {
			two(),
			[]observedDeployment{current(inProgress, 0, tasks(good, "a", "b")), former(completed, nil)},
			decision{state: completed, over: []string{"old"}},
		},
		"there are never more tasks than the ceiling": {
			service{desired: 2, floor: 2, ceiling: 3},
			[]observedDeployment{current(inProgress, 0, nil), former(completed, tasks(good, "x", "y"))},
			decision{starts: 1},
		},
		"there are never fewer ready tasks than the floor": {
			service{desired: 4, floor: 2, ceiling: 4},
			[]observedDeployment{current(inProgress, 0, nil), former(completed, tasks(good, "w", "x", "y", "z"))},
			decision{stops: []string{"w", "x"}},
		},
		"a task that leaves still counts for the ceiling": {
			service{desired: 2, floor: 1, ceiling: 2},
			[]observedDeployment{current(inProgress, 0, tasks(good, "a")), former(completed, tasks(leaving, "x"))},
			decision{},
		},
		"a task that ended is replaced": {
			two(),
			[]observedDeployment{current(completed, 0, append(tasks(good, "b"), ended))},
			decision{starts: 1, failures: []failure{{"new", "a", "the container ended"}}},
		},
		"a task whose own health check fails is replaced": {
			two(),
			[]observedDeployment{current(completed, 0, append(tasks(good, "b"), sick))},
			decision{starts: 1, failures: []failure{{"new", "a", "the container's health check fails"}}},
		},
		"a task that the load balancer finds unhealthy is replaced": {
			two(),
			[]observedDeployment{current(completed, 0, append(tasks(good, "b"), silent))},
			decision{starts: 1, failures: []failure{{"new", "a", "the load balancer's health checks fail"}}},
		},
		"the load balancer's checks do not count in the grace period": {
			two(), []observedDeployment{current(inProgress, 0, append(tasks(good, "b"), warming))}, decision{},
		},
		"two failed tasks do not open the circuit": {
			two(),
			[]observedDeployment{current(inProgress, 1, append(tasks(good, "b"), ended))},
			decision{starts: 1, failures: []failure{{"new", "a", "the container ended"}}},
		},
		"the third failed task opens the circuit, and the service rolls back": {
			two(),
			[]observedDeployment{current(inProgress, 2, []observedTask{ended}), former(completed, tasks(good, "x", "y"))},
			decision{state: failed, rollBackTo: "old", failures: []failure{{"new", "a", "the container ended"}}},
		},
		"a first deployment has nothing to go back to": {
			two(), []observedDeployment{current(inProgress, 3, nil)}, decision{state: failed},
		},
		"a deployment that never completed is nothing to go back to": {
			two(), []observedDeployment{current(inProgress, 3, nil), former(failed, tasks(leaving, "x"))}, decision{state: failed},
		},
		"without a circuit breaker tasks are started again and again": {
			service{desired: 2, floor: 2, ceiling: 4}, []observedDeployment{current(inProgress, 100, nil)}, decision{starts: 2},
		},
		"a failed deployment starts no tasks": {
			two(), []observedDeployment{current(failed, 3, nil)}, decision{},
		},
		"after a roll-back unhealthy tasks leave at once": {
			two(),
			[]observedDeployment{current(inProgress, 0, tasks(good, "x", "y")), former(failed, tasks(starting, "a"))},
			decision{stops: []string{"a"}},
		},
		"a scale-in stops the newest tasks": {
			service{desired: 1, floor: 1, ceiling: 2},
			[]observedDeployment{current(completed, 0, tasks(good, "a", "b"))},
			decision{stops: []string{"b"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, decide(test.asked, test.deployments))
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ desired, minimum, maximum, floor, ceiling int }{
		{2, 100, 200, 2, 4}, {3, 50, 150, 2, 4}, {1, 0, 100, 0, 1}, {0, 100, 200, 0, 0},
	} {
		floor, ceiling := bounds(test.desired, test.minimum, test.maximum)
		assert.Equal(t, []int{test.floor, test.ceiling}, []int{floor, ceiling}, "%+v", test)
	}
}

func TestThreshold(t *testing.T) {
	t.Parallel()

	for desired, want := range map[int]int{1: 3, 2: 3, 6: 3, 7: 4, 25: 13, 400: 200, 1000: 200} {
		assert.Equal(t, want, threshold(desired), desired)
	}
}
