package rehearsal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// measurePace is how often metrics are published; on AWS it is every minute.
const measurePace = 2 * time.Second

// measure publishes what the load balancer measures of its two target groups, from now until ctx ends: one box is compared with the others by
// that. Without one nothing asks for it.
func (e *Environment) measure(ctx context.Context, env, logs string) {
	if err := e.measureUntil(ctx, env, logs); err != nil && ctx.Err() == nil {
		e.sayf("%v", err)
	}
}

func (e *Environment) measureUntil(ctx context.Context, env, logs string) error {
	log, err := os.Open(filepath.Join(logs, "load-balancer-"+service+".log"))
	if err != nil {
		return fmt.Errorf("read the load balancer's log: %w", err)
	}

	defer func() { _ = log.Close() }()

	if _, err = log.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("read the load balancer's log: %w", err)
	}

	groups := [...]emulator.TargetGroup{{}, {}}
	for i, name := range []string{service, "box"} {
		if groups[i], err = e.targetGroup(ctx, "app-"+env+"-"+name); err != nil {
			return err
		}
	}

	lines := bufio.NewReader(log)

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(measurePace):
		}

		for i, measured := range measureLines(lines) {
			if err = e.cloud.Measure(ctx, groups[i], measured); err != nil {
				return err
			}
		}
	}
}

// targetGroup is what metrics call a target group.
func (e *Environment) targetGroup(ctx context.Context, name string) (emulator.TargetGroup, error) {
	answer, err := elb.NewFromConfig(e.admin.config()).DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{name}})
	if err != nil {
		return emulator.TargetGroup{}, fmt.Errorf("look at the target group %s: %w", name, err)
	}

	arn, balancer := aws.ToString(answer.TargetGroups[0].TargetGroupArn), answer.TargetGroups[0].LoadBalancerArns[0]
	_, balancer, _ = strings.Cut(balancer, ":loadbalancer/")

	return emulator.TargetGroup{TargetGroup: arn[strings.LastIndexByte(arn, ':')+1:], LoadBalancer: balancer}, nil
}

// measureLines sums up the lines that are there: of the others, and of the one box.
func measureLines(lines *bufio.Reader) [2]emulator.Measured {
	var found [2]emulator.Measured

	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return found // HAProxy writes whole lines, so a part of one is rare, and lost
		}

		request, known := proxy.ParseRequest(line)
		if !known {
			continue
		}

		of := &found[0]
		if request.OneBox {
			of = &found[1]
		}

		of.Requests++
		of.Seconds = append(of.Seconds, request.Took.Seconds())

		if request.Status >= http.StatusInternalServerError {
			of.Errors++
		}
	}
}
