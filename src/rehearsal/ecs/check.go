package ecs

import (
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// ECS's defaults.
const (
	healthInterval = 30
	healthRetries  = 3
)

// health is what a container's own health check says.
type health int32

const (
	unknown health = iota
	healthy
	unhealthy
)

// check follows the results of a container's health check.
type check struct {
	interval, startPeriod time.Duration
	retries, failures     int
	result                atomic.Int32
}

// newCheck begins a check; a container without one is healthy.
func newCheck(settings *types.HealthCheck) *check {
	if settings == nil {
		c := &check{}
		c.result.Store(int32(healthy))

		return c
	}

	return &check{
		interval: seconds(settings.Interval, healthInterval), startPeriod: seconds(settings.StartPeriod, 0),
		retries: int(value(settings.Retries, healthRetries)),
	}
}

func (c *check) health() health { return health(c.result.Load()) }

// record takes in a result, so long after the container's start, and returns how long to wait for the next check. Failures within the
// start period do not count.
func (c *check) record(passed bool, age time.Duration) time.Duration {
	switch {
	case passed:
		c.failures = 0
		c.result.Store(int32(healthy))
	case age >= c.startPeriod:
		c.failures++
	}

	if c.failures >= c.retries {
		c.result.Store(int32(unhealthy))
	}

	// The first result is wanted soon: a start period is for retries at the usual pace.
	if c.health() == unknown {
		return time.Second
	}

	return c.interval
}
