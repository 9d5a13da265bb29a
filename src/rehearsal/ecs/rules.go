package ecs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// listeners are those of a load balancer.
func (s *Scheduler) listeners(ctx context.Context, balancer string) ([]elbtypes.Listener, error) {
	answer, err := s.ELB.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &balancer})
	if err != nil {
		return nil, fmt.Errorf("look at the listeners: %w", err)
	}

	return answer.Listeners, nil
}

// rules are those of all of these listeners.
func (s *Scheduler) rules(ctx context.Context, listeners []elbtypes.Listener) ([]elbtypes.Rule, error) {
	var found []elbtypes.Rule

	for i := range listeners {
		answer, err := s.ELB.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: listeners[i].ListenerArn})
		if err != nil {
			return nil, fmt.Errorf("look at the listeners' rules: %w", err)
		}

		found = append(found, answer.Rules...)
	}

	return found, nil
}

// takeShare has the one box get the share of the requests that a rule gives it now.
func (s *Scheduler) takeShare(ctx context.Context, service *types.Service) error {
	listeners, err := s.listeners(ctx, s.balancer)
	if err != nil {
		return err
	}

	rules, err := s.rules(ctx, listeners)
	if err != nil {
		return err
	}

	share := shareOf(rules, aws.ToString(service.LoadBalancers[0].TargetGroupArn))
	if share == s.share {
		return nil
	}

	s.sayf("%s gets %d %% of the requests", s.Service, share)
	s.share = share

	return s.lb.Share(share)
}

// headerFor is the header that requests carry which a rule forwards to a target group alone; empty if there is no such rule.
func headerFor(rules []elbtypes.Rule, group string) string {
	for i := range rules {
		weights := weightsOf(&rules[i])
		if _, forwards := weights[group]; !forwards || len(weights) > 1 { // alone, a weight says nothing
			continue
		}

		for _, condition := range rules[i].Conditions {
			if condition.HttpHeaderConfig != nil {
				return aws.ToString(condition.HttpHeaderConfig.HttpHeaderName)
			}
		}
	}

	return ""
}

// shareOf is how many percent of the requests a target group gets of a rule that divides them; 0 if there is no such rule.
func shareOf(rules []elbtypes.Rule, group string) int {
	const whole = 100

	for i := range rules {
		weights := weightsOf(&rules[i])
		if len(weights) < 2 || weights[group] == 0 {
			continue
		}

		total := 0
		for _, weight := range weights {
			total += weight
		}

		return whole * weights[group] / total
	}

	return 0
}

// weightsOf are the target groups that a rule forwards to, with their weights.
func weightsOf(rule *elbtypes.Rule) map[string]int {
	found := map[string]int{}

	for _, action := range rule.Actions {
		switch {
		case action.ForwardConfig != nil && len(action.ForwardConfig.TargetGroups) > 0:
			for _, group := range action.ForwardConfig.TargetGroups {
				found[aws.ToString(group.TargetGroupArn)] = int(aws.ToInt32(group.Weight))
			}
		case action.TargetGroupArn != nil:
			found[aws.ToString(action.TargetGroupArn)] = 1
		}
	}

	return found
}
