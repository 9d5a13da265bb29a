package bake_test

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// environment is one with a load balancer and the two target groups, as metrics and scripts know them.
type environment struct {
	name        string
	cloud       *emulator.Emulator
	environ     []string
	one, others emulator.TargetGroup
}

// The script, as it asks the emulator: what it finds in alarms and metrics while it waits.
func TestBake(t *testing.T) {
	t.Parallel()

	testkit.Program(t, "apt-get install jq", "jq")

	cloud := testkit.Emulator(t, "bake")
	environ := testkit.Shell(t, cloud)
	good := emulator.Measured{Requests: 90, Seconds: []float64{0.01}}

	for name, test := range map[string]struct {
		// before is done before the watch, meanwhile again and again during it.
		before, meanwhile func(*testing.T, *environment)
		says              string
		green             bool
	}{
		"an alarm goes on": {
			meanwhile: func(t *testing.T, e *environment) { t.Helper(); e.alarm(t, "5xx", "ALARM") },
			says:      "bake: on went app-goes-on-api-onebox-5xx\n",
		},
		"an alarm that was on before stays on": {
			before: func(t *testing.T, e *environment) { t.Helper(); e.alarm(t, "latency", "ALARM") },
			says:   "bake: still on are app-stays-on-api-onebox-latency\n",
		},
		"an alarm that was on before goes off": {
			before:    func(t *testing.T, e *environment) { t.Helper(); e.alarm(t, "latency", "ALARM") },
			meanwhile: func(t *testing.T, e *environment) { t.Helper(); e.alarm(t, "latency", "OK") },
			says:      "bake: 0 of 0 requests failed, 0 of the others' 0; too few requests in a minute to compare their times\n", green: true,
		},
		"it fails more than the others": {
			meanwhile: func(t *testing.T, e *environment) {
				t.Helper()
				require.NoError(t, cloud.Measure(t.Context(), e.others, good))
				require.NoError(t, cloud.Measure(t.Context(), e.one, emulator.Measured{Requests: 10, Errors: 2, Seconds: []float64{0.01}}))
			},
			says: " requests failed, 20 %, and 0 % of the others'\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := newEnvironment(t, cloud, environ, strings.Join(strings.Fields(name)[len(strings.Fields(name))-2:], "-"))
			if test.before != nil {
				test.before(t, e)
			}

			said, err := e.bake(t, test.meanwhile)
			assert.Equal(t, test.green, err == nil, said)
			assert.Contains(t, said, test.says)
		})
	}

	t.Run("what is asked for wrongly", func(t *testing.T) {
		t.Parallel()

		for _, arguments := range [][]string{{"test"}, {"", "1"}, {"test", "0"}, {"test", "a while"}} {
			command := exec.CommandContext(t.Context(), script(t), arguments...)
			said, err := command.CombinedOutput()
			require.Error(t, err)
			assert.Equal(t, "usage: bake ENV MINUTES, for example: bake prod 10\n", string(said))
		}
	})
}

func script(t *testing.T) string {
	t.Helper()

	return filepath.Join(testkit.Root(t), ".infra", "app", "bake")
}

func newEnvironment(t *testing.T, cloud *emulator.Emulator, environ []string, name string) *environment {
	t.Helper()

	e := &environment{name: name, cloud: cloud, environ: environ}
	subnets := strings.Fields(e.aws(t, "ec2", "describe-subnets", "--query", "Subnets[:2].SubnetId"))
	balancer := e.aws(t, append([]string{"elbv2", "create-load-balancer", "--name", "app-" + name, "--query", "LoadBalancers[0].LoadBalancerArn", "--subnets"}, subnets...)...)
	_, suffix, _ := strings.Cut(balancer, ":loadbalancer/")

	for service, group := range map[string]*emulator.TargetGroup{"api": &e.others, "box": &e.one} {
		arn := e.aws(t, "elbv2", "create-target-group", "--name", "app-"+name+"-"+service, "--protocol", "HTTP", "--port", "8080", "--target-type", "ip",
			"--vpc-id", e.aws(t, "ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId"), "--query", "TargetGroups[0].TargetGroupArn")
		e.aws(t, "elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", map[string]string{"api": "80", "box": "81"}[service],
			"--default-actions", "Type=forward,TargetGroupArn="+arn, "--query", "Listeners[0].ListenerArn")
		*group = emulator.TargetGroup{TargetGroup: arn[strings.LastIndexByte(arn, ':')+1:], LoadBalancer: suffix}
	}

	for _, alarm := range []string{"5xx", "latency"} {
		e.aws(t, "cloudwatch", "put-metric-alarm", "--alarm-name", "app-"+name+"-api-onebox-"+alarm, "--namespace", "AWS/ApplicationELB", "--metric-name", alarm,
			"--statistic", "Sum", "--period", "60", "--evaluation-periods", "1", "--threshold", "1", "--comparison-operator", "GreaterThanThreshold")
	}

	return e
}

func (e *environment) aws(t *testing.T, arguments ...string) string {
	t.Helper()

	return testkit.AWS(t, e.environ, arguments...)
}

func (e *environment) alarm(t *testing.T, name, state string) {
	t.Helper()

	e.aws(t, "cloudwatch", "set-alarm-state", "--alarm-name", "app-"+e.name+"-api-onebox-"+name, "--state-value", state, "--state-reason", "a test")
}

// bake watches for a minute, while something else happens every few seconds, and returns what it said.
func (e *environment) bake(t *testing.T, meanwhile func(*testing.T, *environment)) (string, error) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	command := exec.CommandContext(ctx, script(t), e.name, "1")
	command.Env = e.environ
	output, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())

	lines := bufio.NewReader(output)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^bake: api-onebox of app-`+e.name+` is watched until \d\d:\d\d UTC, 1 min\n$`, first)

	ended := make(chan string)

	go func() {
		var said strings.Builder

		_, _ = lines.WriteTo(&said)
		ended <- said.String()
	}()

	for {
		if meanwhile != nil {
			meanwhile(t, e)
		}

		select {
		case said := <-ended:
			return said, command.Wait()
		case <-time.After(3 * time.Second):
		}
	}
}
