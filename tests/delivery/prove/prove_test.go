// Package prove_test runs `make prove` against the emulator, with the rehearsal's containers behind a real load balancer.
package prove_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestProve(t *testing.T) {
	t.Parallel()

	t.Run("a whole run is green and leaves nothing in the account", func(t *testing.T) {
		t.Parallel()

		account := open(t, "prove-aaaa")
		output, err := account.prove(t, "yes\n").CombinedOutput()
		require.NoError(t, err, string(output))

		for _, promise := range []string{
			"| plans are empty | green |", "| black-box tests at the URL | green |", "| it replaces the first under load | green |",
			"| it is rolled back under load | green |", "| destroy everything | green |", "\ngreen in eu-west-1 ",
		} {
			assert.Contains(t, string(output), promise)
		}

		account.requireEmpty(t)
	})

	t.Run("Ctrl-C in the middle destroys what was made, and the run is red", func(t *testing.T) {
		t.Parallel()

		account := open(t, "prove-bbbb")
		run := account.prove(t, "yes\n")

		var output bytes.Buffer

		run.Stdout, run.Stderr = &output, &output
		process, err := proc.Start(run)
		require.NoError(t, err)

		limited, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()

		require.NoError(t, process.Await(limited, time.Second, func() error { return account.hasRepository(limited) }))
		require.NoError(t, process.Signal(syscall.SIGINT))
		require.Error(t, process.Wait())

		assert.Contains(t, output.String(), "| destroy everything | green |")
		assert.Contains(t, output.String(), "\nred in eu-west-1 ")
		account.requireEmpty(t)
	})

	t.Run("without a yes nothing is made", func(t *testing.T) {
		t.Parallel()

		account := open(t, "prove-cccc")
		output, err := account.prove(t, "no\n").CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(output), "costs about a dollar")
		assert.Contains(t, string(output), "prove: nothing was made")
		account.requireEmpty(t)
	})
}

// account is an empty AWS account of this machine.
type account struct {
	name, tree string
	cloud      *emulator.Emulator
	environ    []string
}

// open starts an emulator, a registry, and a scheduler that runs the tasks of the environment's service.
func open(t *testing.T, name string) *account {
	t.Helper()

	for _, program := range []string{"curl", "jq", "make", "terraform"} {
		testkit.Program(t, "install "+program, program)
	}

	engine := &docker.Engine{Program: testkit.Docker(t).Program, Label: "clockmirror.prove=" + testkit.Unique()}
	logs := testkit.Artifacts(t, name)

	stored, entrance := testkit.Registry(t), listen(t)
	a := &account{name: name, tree: testkit.Clone(t)}
	a.cloud = testkit.Emulator(t, name,
		"EMULATOR_REGISTRY="+stored, "EMULATOR_LOAD_BALANCER="+entrance.Addr().String(), "EMULATOR_SCHEDULER=external")

	scheduler := &ecs.Scheduler{
		Cluster: "app-" + name, Service: "api", Prefix: name,
		ECS: awsecs.NewFromConfig(a.cloud.Owner()), ELB: elb.NewFromConfig(a.cloud.Owner()), Cloud: a.cloud,
		Engine: engine, Logs: logs,
		Secrets: func(context.Context, string, []types.Secret) (map[string]string, error) {
			return map[string]string{}, nil
		},
		StartBalancer: func(ctx context.Context, _ ecs.Entrance, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error) {
			balancer, err := proxy.Start(ctx, engine, name+"-load-balancer", settings, log)
			if err == nil {
				go forward(entrance, net.JoinHostPort(balancer.Address(), "80"))
			}

			return balancer, err
		},
	}

	t.Cleanup(func() { assert.NoError(t, engine.RemoveImages(context.WithoutCancel(t.Context()), stored+"/*")) })
	testkit.Schedule(t, scheduler)

	a.environ = testkit.Shell(t, a.cloud, "DOCKER_BUILDKIT=1", "PROVE_ENV="+name, "REGION="+emulator.Region)

	return a
}

// listen opens the port at which this machine reaches the load balancer, whose DNS name only AWS knows.
func listen(t *testing.T) net.Listener {
	t.Helper()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	return listener
}

// forward forwards connections until the listener is closed.
func forward(listener net.Listener, to string) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			return
		}

		go func() {
			defer func() { _ = outside.Close() }()

			inside, err := net.Dial("tcp", to) //nolint:noctx // ends with the connection that it serves
			if err != nil {
				return
			}

			defer func() { _ = inside.Close() }()

			sent := make(chan struct{})

			go func() {
				defer close(sent)

				pass(inside, outside)
			}()

			pass(outside, inside)
			<-sent
		}()
	}
}

// pass passes on what comes, and then its end. The rest of a request that was answered early is read, as closing a connection with
// something unread resets it, and the answer may get lost.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
	_ = from.SetReadDeadline(time.Now().Add(testkit.Patience))
	_, _ = io.Copy(io.Discard, from)
}

// prove is `make prove` with typed input.
func (a *account) prove(t *testing.T, typed string) *exec.Cmd {
	t.Helper()

	command := exec.CommandContext(t.Context(), "make", "prove")
	command.Dir, command.Env, command.Stdin = a.tree, a.environ, strings.NewReader(typed)

	return command
}

// hasRepository returns an error until the image repository is there.
func (a *account) hasRepository(ctx context.Context) error {
	_, err := ecr.NewFromConfig(a.cloud.Owner()).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{a.name}})

	return err
}

// requireEmpty checks that nothing is left that costs money.
func (a *account) requireEmpty(t *testing.T) {
	t.Helper()

	tagged := exec.CommandContext(t.Context(), "bash", "-c", `
		aws ecr describe-repositories --query 'repositories[].repositoryName' --output text
		aws ecs describe-clusters --clusters "app-$PROVE_ENV" --query "clusters[?status=='ACTIVE'].clusterName" --output text
		aws elbv2 describe-load-balancers --query 'LoadBalancers[].LoadBalancerName' --output text
		aws ec2 describe-nat-gateways --query "NatGateways[?State=='available'].NatGatewayId" --output text
		aws ec2 describe-addresses --query 'Addresses[].PublicIp' --output text
		aws kms list-aliases --query "Aliases[?AliasName=='alias/clockmirror'].AliasName" --output text
		aws s3api list-buckets --query 'Buckets[].Name' --output text`)
	tagged.Env = a.environ

	left, err := tagged.CombinedOutput()
	require.NoError(t, err, string(left))
	assert.Empty(t, strings.ReplaceAll(strings.TrimSpace(string(left)), "None", ""))
}
