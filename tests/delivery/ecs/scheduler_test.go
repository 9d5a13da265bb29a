// Package ecs_test tests the rehearsal's ECS scheduler with real containers and the emulator.
package ecs_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// A service starts in real containers, and is rolled back when the next version never becomes healthy.
func TestScheduler(t *testing.T) {
	engine := testkit.Docker(t)

	cloud := testkit.Emulator(t, "ecs", "EMULATOR_SCHEDULER=external")
	client, balancers := awsecs.NewFromConfig(cloud.Owner()), elb.NewFromConfig(cloud.Owner())
	name := testkit.Unique()

	scheduler := &ecs.Scheduler{
		Cluster: "app-test", Service: "api", Prefix: name, ECS: client, ELB: balancers, Cloud: cloud, Logs: t.TempDir(),
		Engine: &docker.Engine{Program: engine.Program, Label: "clockmirror.test.task=" + name},
		Secrets: func(context.Context, string, []types.Secret) (map[string]string, error) {
			return map[string]string{}, nil
		},
		StartBalancer: func(ctx context.Context, entrance ecs.Entrance, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error) {
			assert.Regexp(t, `^app-test-1\..*\.elb\.amazonaws\.com$`, entrance.DNSName)
			assert.Empty(t, entrance.Domain)

			return proxy.Start(ctx, engine.Engine, name+"-load-balancer", settings, log)
		},
	}

	t.Cleanup(func() {
		left, err := engine.Engine.Run(context.WithoutCancel(t.Context()), "ps", "--all", "--quiet", "--filter", "name="+name)
		require.NoError(t, err)
		assert.Empty(t, left, "a container is left")
	})

	testkit.Schedule(t, scheduler)

	first := register(t, client, "200")
	createService(t, client, target(t, cloud, balancers), first)
	awaitDeployment(t, client, first, 2)

	broken := register(t, client, "503")
	_, err := client.UpdateService(t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("app-test"), Service: aws.String("api"), TaskDefinition: &broken})
	require.NoError(t, err)

	events := awaitEvent(t, client, "rolling back to (deployment ")
	assert.Contains(t, events, "the load balancer's health checks fail")
	awaitDeployment(t, client, first, 2)

	_, err = client.UpdateService(t.Context(), &awsecs.UpdateServiceInput{Cluster: aws.String("app-test"), Service: aws.String("api"), DesiredCount: aws.Int32(1)})
	require.NoError(t, err)
	awaitDeployment(t, client, first, 1)
}

// register registers a task definition of a server that answers with one status.
func register(t *testing.T, client *awsecs.Client, status string) string {
	t.Helper()

	answer, err := client.RegisterTaskDefinition(t.Context(), &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("app-test-api"), Cpu: aws.String("256"), Memory: aws.String("512"), NetworkMode: types.NetworkModeAwsvpc,
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("api"), Image: aws.String(proxy.Image), Essential: aws.Bool(true), StopTimeout: aws.Int32(2),
			Environment: []types.KeyValuePair{{Name: aws.String("CERTIFICATE"), Value: aws.String("none")}, {Name: aws.String("CONFIGURATION"), Value: aws.String(
				"defaults\n mode http\n timeout client 30s\nfrontend api\n bind :8080\n http-request return status " + status + "\n")}},
		}},
	})
	require.NoError(t, err)

	return aws.ToString(answer.TaskDefinition.TaskDefinitionArn)
}

// target makes a load balancer that forwards to a target group, and returns the group's ARN.
func target(t *testing.T, cloud *emulator.Emulator, client *elb.Client) string {
	t.Helper()

	vpc, subnets := network(t, cloud)

	group, err := client.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
		Name: aws.String("api"), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(8080), VpcId: &vpc, TargetType: elbtypes.TargetTypeEnumIp,
		HealthCheckPath: aws.String("/readyz"), HealthCheckIntervalSeconds: aws.Int32(5), HealthCheckTimeoutSeconds: aws.Int32(2),
		HealthyThresholdCount: aws.Int32(2), UnhealthyThresholdCount: aws.Int32(2), Matcher: &elbtypes.Matcher{HttpCode: aws.String("200")},
	})
	require.NoError(t, err)

	arn := group.TargetGroups[0].TargetGroupArn
	_, err = client.ModifyTargetGroupAttributes(t.Context(), &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: arn, Attributes: []elbtypes.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("1")},
	}})
	require.NoError(t, err)

	balancer, err := client.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("app-test"), Subnets: subnets})
	require.NoError(t, err)

	_, err = client.CreateListener(t.Context(), &elb.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: arn}},
	})
	require.NoError(t, err)

	return aws.ToString(arn)
}

// network returns the account's default VPC and its subnets.
func network(t *testing.T, cloud *emulator.Emulator) (vpc string, subnets []string) {
	t.Helper()

	command := exec.CommandContext(t.Context(), "env", "aws", "ec2", "describe-subnets", "--query", "Subnets[].[VpcId, SubnetId]", "--output", "text")
	command.Env = cloud.Environ(os.Environ())
	output, err := command.Output()
	require.NoError(t, err)

	for line := range strings.Lines(string(output)) {
		fields := strings.Fields(line)
		vpc, subnets = fields[0], append(subnets, fields[1])
	}

	return vpc, subnets
}

func createService(t *testing.T, client *awsecs.Client, group, definition string) {
	t.Helper()

	// The first call in a new account creates ECS's service-linked role, and fails.
	patiently(t, func() error {
		_, err := client.CreateCluster(t.Context(), &awsecs.CreateClusterInput{ClusterName: aws.String("app-test")})

		return err
	})

	_, err := client.CreateService(t.Context(), &awsecs.CreateServiceInput{
		Cluster: aws.String("app-test"), ServiceName: aws.String("api"), TaskDefinition: &definition, DesiredCount: aws.Int32(2),
		HealthCheckGracePeriodSeconds: aws.Int32(15), LaunchType: types.LaunchTypeFargate,
		LoadBalancers: []types.LoadBalancer{{TargetGroupArn: &group, ContainerName: aws.String("api"), ContainerPort: aws.Int32(8080)}},
		DeploymentConfiguration: &types.DeploymentConfiguration{
			MinimumHealthyPercent: aws.Int32(100), MaximumPercent: aws.Int32(200),
			DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true},
		},
	})
	require.NoError(t, err)
}

func look(t *testing.T, client *awsecs.Client) types.Service {
	t.Helper()

	answer, err := client.DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: aws.String("app-test"), Services: []string{"api"}})
	require.NoError(t, err)
	require.Len(t, answer.Services, 1)

	return answer.Services[0]
}

// awaitDeployment waits until the service runs that many tasks of a revision and no others.
func awaitDeployment(t *testing.T, client *awsecs.Client, revision string, count int32) {
	t.Helper()
	patiently(t, func() error {
		service := look(t, client)
		primary := service.Deployments[0]

		if len(service.Deployments) != 1 || aws.ToString(primary.TaskDefinition) != revision || primary.RolloutState != types.DeploymentRolloutStateCompleted || primary.RunningCount != count {
			return fmt.Errorf("not complete: %d deployments, %s %s with %d tasks", len(service.Deployments), primary.RolloutState, aws.ToString(primary.TaskDefinition), primary.RunningCount)
		}

		return nil
	})
}

// awaitEvent waits for an event of the service, and returns all of them.
func awaitEvent(t *testing.T, client *awsecs.Client, text string) string {
	t.Helper()

	var all string

	patiently(t, func() error {
		var messages []string
		for _, event := range look(t, client).Events {
			messages = append(messages, aws.ToString(event.Message))
		}

		all = strings.Join(messages, "\n")
		if !strings.Contains(all, text) {
			return fmt.Errorf("there is no event %q among\n%s", text, all)
		}

		return nil
	})

	return all
}

// patiently calls try until it returns nil: a roll-back takes several rounds of health checks.
func patiently(t *testing.T, try func() error) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	require.NoError(t, proc.Await(ctx, time.Second, try))
}
