package ecs

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHealthCheck(t *testing.T) {
	t.Parallel()

	const old = time.Minute

	for name, test := range map[string]struct {
		results []bool
		age     time.Duration
		want    health
		pause   time.Duration
	}{
		"one success is healthy":                        {[]bool{true}, 0, healthy, 10 * time.Second},
		"failures in the start period do not count":     {[]bool{false, false, false, false}, time.Second, unknown, time.Second},
		"two failures in a row change nothing":          {[]bool{true, false, false}, old, healthy, 10 * time.Second},
		"three failures in a row are unhealthy":         {[]bool{true, false, false, false}, old, unhealthy, 10 * time.Second},
		"a success between failures begins anew":        {[]bool{false, false, true, false, false}, old, healthy, 10 * time.Second},
		"a container that was never healthy can fail":   {[]bool{false, false, false}, old, unhealthy, 10 * time.Second},
		"an unhealthy container can get healthy again":  {[]bool{false, false, false, true}, old, healthy, 10 * time.Second},
		"before the first result checks follow quickly": {[]bool{false}, old, unknown, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			check := newCheck(&types.HealthCheck{Interval: aws.Int32(10), StartPeriod: aws.Int32(10)})

			var pause time.Duration

			for _, passed := range test.results {
				pause = check.record(passed, test.age)
			}

			assert.Equal(t, test.want, check.health())
			assert.Equal(t, test.pause, pause)
		})
	}

	assert.Equal(t, healthy, newCheck(nil).health(), "a container without a check is healthy")
}

// A container gets what its task definition says, and its values are not on the command line.
func TestOptions(t *testing.T) {
	t.Parallel()

	definition := &types.TaskDefinition{Cpu: aws.String("256"), Memory: aws.String("512")}
	container := &types.ContainerDefinition{
		ReadonlyRootFilesystem: aws.Bool(true), User: aws.String("65532"),
		LinuxParameters: &types.LinuxParameters{Capabilities: &types.KernelCapabilities{Drop: []string{"ALL"}}},
		Environment:     []types.KeyValuePair{{Name: aws.String("PORT"), Value: aws.String("8080")}},
	}

	arguments, environment, err := options(definition, container, map[string]string{"TOKEN": "secret"})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"--cpus", "0.25", "--memory", "512m", "--security-opt", "no-new-privileges", "--no-healthcheck", "--read-only", "--user", "65532",
		"--cap-drop", "ALL", "--env", "AWS_EXECUTION_ENV", "--env", "PORT", "--env", "TOKEN",
	}, arguments)
	assert.Equal(t, []string{"AWS_EXECUTION_ENV=AWS_ECS_FARGATE", "PORT=8080", "TOKEN=secret"}, environment)

	_, _, err = options(&types.TaskDefinition{Cpu: aws.String("a quarter")}, container, nil)
	require.ErrorContains(t, err, "read the task's CPU units")
}
