package ecs

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// rules are those of all listeners of the load balancer that forwards to a target group.
func (s *Scheduler) rules(ctx context.Context, group *elbtypes.TargetGroup) ([]elbtypes.Rule, error) {
	var found []elbtypes.Rule

	for _, balancer := range group.LoadBalancerArns {
		listeners, err := s.ELB.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &balancer})
		if err != nil {
			return nil, fmt.Errorf("look at the listeners: %w", err)
		}

		for i := range listeners.Listeners {
			rules, err := s.ELB.DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: listeners.Listeners[i].ListenerArn})
			if err != nil {
				return nil, fmt.Errorf("look at the listeners' rules: %w", err)
			}

			found = append(found, rules.Rules...)
		}
	}

	return found, nil
}

// takeShare has the one box get the share of the requests that a rule gives it now.
func (s *Scheduler) takeShare(ctx context.Context, service *types.Service) error {
	arn := aws.ToString(service.LoadBalancers[0].TargetGroupArn)

	groups, err := s.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil {
		return fmt.Errorf("look at the target group: %w", err)
	}

	rules, err := s.rules(ctx, &groups.TargetGroups[0])
	if err != nil {
		return err
	}

	share := shareOf(rules, arn)
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
		if weights := weightsOf(&rules[i]); len(weights) != 1 || weights[group] == 0 {
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

	if len(found) == 1 { // alone, a weight says nothing
		for group := range found {
			found[group] = 1
		}
	}

	return found
}
