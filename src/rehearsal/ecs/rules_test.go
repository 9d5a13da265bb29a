package ecs

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/stretchr/testify/assert"
)

// forward is a rule that divides requests by weights.
func forward(weights map[string]int32) elbtypes.Rule {
	var groups []elbtypes.TargetGroupTuple
	for group, weight := range weights {
		groups = append(groups, elbtypes.TargetGroupTuple{TargetGroupArn: &group, Weight: &weight})
	}

	return elbtypes.Rule{Actions: []elbtypes.Action{{ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: groups}}}}
}

func withHeader(rule elbtypes.Rule, header string) elbtypes.Rule {
	rule.Conditions = []elbtypes.RuleCondition{{HttpHeaderConfig: &elbtypes.HttpHeaderConditionConfig{HttpHeaderName: &header}}}

	return rule
}

func TestRules(t *testing.T) {
	t.Parallel()

	alone := elbtypes.Rule{Actions: []elbtypes.Action{{TargetGroupArn: aws.String("all")}}}
	redirect := elbtypes.Rule{Actions: []elbtypes.Action{{RedirectConfig: &elbtypes.RedirectActionConfig{}}}}

	for name, test := range map[string]struct {
		rules  []elbtypes.Rule
		header string
		share  int
	}{
		"no rule":                      {nil, "", 0},
		"all to another":               {[]elbtypes.Rule{alone, redirect}, "", 0},
		"those with a header":          {[]elbtypes.Rule{alone, withHeader(forward(map[string]int32{"box": 1}), "X-Box")}, "X-Box", 0},
		"a share of all":               {[]elbtypes.Rule{forward(map[string]int32{"box": 10, "all": 90}), alone}, "", 10},
		"weights need not add up":      {[]elbtypes.Rule{forward(map[string]int32{"box": 1, "all": 3})}, "", 25},
		"both":                         {[]elbtypes.Rule{withHeader(forward(map[string]int32{"box": 0}), "X-Box"), forward(map[string]int32{"box": 5, "all": 95})}, "X-Box", 5},
		"no weight is no share":        {[]elbtypes.Rule{forward(map[string]int32{"box": 0, "all": 100})}, "", 0},
		"a share of those with header": {[]elbtypes.Rule{withHeader(forward(map[string]int32{"box": 5, "all": 5}), "X-Box")}, "", 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.header, headerFor(test.rules, "box"))
			assert.Equal(t, test.share, shareOf(test.rules, "box"))
		})
	}
}
