package ecs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// startBalancer sets a load balancer up from the target group's settings.
func (s *Scheduler) startBalancer(ctx context.Context, service *types.Service) error {
	arn := aws.ToString(service.LoadBalancers[0].TargetGroupArn)

	groups, err := s.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}})
	if err != nil {
		return fmt.Errorf("look at the target group: %w", err)
	}

	attributes, err := s.ELB.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
	if err != nil {
		return fmt.Errorf("look at the target group: %w", err)
	}

	settings, err := settingsOf(&groups.TargetGroups[0])
	if err != nil {
		return err
	}

	for _, attribute := range attributes.Attributes {
		switch aws.ToString(attribute.Key) {
		case "deregistration_delay.timeout_seconds":
			seconds, err := strconv.Atoi(aws.ToString(attribute.Value))
			if err != nil {
				return fmt.Errorf("read the deregistration delay: %w", err)
			}

			s.delay = time.Duration(seconds) * time.Second
		case "load_balancing.algorithm.type":
			settings.LeastOutstanding = aws.ToString(attribute.Value) == "least_outstanding_requests"
		}
	}

	entrance, err := s.entrance(ctx, &groups.TargetGroups[0])
	if err != nil {
		return err
	}

	log, err := os.Create(filepath.Join(s.Logs, "load-balancer-"+s.Service+".log"))
	if err != nil {
		return fmt.Errorf("keep a log of the load balancer: %w", err)
	}

	s.oneBox = entrance.Header != ""
	s.lb, err = s.StartBalancer(ctx, entrance, settings, log)
	s.sayf("load balancer %+v: %+v, deregistration delay %s", entrance, settings, s.delay)

	return errors.Join(err, log.Close())
}

// Entrance is how the load balancer of a service is reached.
type Entrance struct {
	// DNSName is the load balancer's own. Domain is the name of its certificate; empty without HTTPS.
	DNSName, Domain string
	// Header is what requests carry that ask for the service; empty for all.
	Header string
}

// entrance is that of the load balancer that forwards to a target group.
func (s *Scheduler) entrance(ctx context.Context, group *elbtypes.TargetGroup) (Entrance, error) {
	answer, err := s.ELB.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: group.LoadBalancerArns})
	if err != nil {
		return Entrance{}, fmt.Errorf("look at the load balancer: %w", err)
	}

	if len(answer.LoadBalancers) != 1 {
		return Entrance{}, fmt.Errorf("the target group %s has %d load balancers; a rehearsal knows one", aws.ToString(group.TargetGroupName), len(answer.LoadBalancers))
	}

	found := Entrance{DNSName: aws.ToString(answer.LoadBalancers[0].DNSName)}

	s.balancer = aws.ToString(answer.LoadBalancers[0].LoadBalancerArn)

	listeners, err := s.listeners(ctx, s.balancer)
	if err != nil {
		return Entrance{}, err
	}

	rules, err := s.rules(ctx, listeners)
	if err != nil {
		return Entrance{}, err
	}

	found.Header = headerFor(rules, aws.ToString(group.TargetGroupArn))

	for i := range listeners {
		if listener := &listeners[i]; listener.Protocol == elbtypes.ProtocolEnumHttps {
			if found.Domain, err = s.domain(ctx, listener); err != nil {
				return Entrance{}, err
			}
		}
	}

	return found, nil
}

// domain is the name of a listener's certificate, which ACM must have issued.
func (s *Scheduler) domain(ctx context.Context, listener *elbtypes.Listener) (string, error) {
	if len(listener.Certificates) == 0 {
		return "", fmt.Errorf("the listener on port %d has no certificate", aws.ToInt32(listener.Port))
	}

	answer, err := s.ACM.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: listener.Certificates[0].CertificateArn})
	if err != nil {
		return "", fmt.Errorf("look at the certificate: %w", err)
	}

	if answer.Certificate.Status != acmtypes.CertificateStatusIssued {
		return "", fmt.Errorf("the certificate of %s is %s", aws.ToString(answer.Certificate.DomainName), answer.Certificate.Status)
	}

	return aws.ToString(answer.Certificate.DomainName), nil
}

func settingsOf(group *elbtypes.TargetGroup) (proxy.Settings, error) {
	if group.Matcher == nil || aws.ToString(group.Matcher.HttpCode) != "200" {
		return proxy.Settings{}, errors.New("the target group takes other codes than 200 for healthy, which a rehearsal does not know")
	}

	return proxy.Settings{
		Path:      aws.ToString(group.HealthCheckPath),
		Interval:  time.Duration(aws.ToInt32(group.HealthCheckIntervalSeconds)) * time.Second,
		Timeout:   time.Duration(aws.ToInt32(group.HealthCheckTimeoutSeconds)) * time.Second,
		Healthy:   int(aws.ToInt32(group.HealthyThresholdCount)),
		Unhealthy: int(aws.ToInt32(group.UnhealthyThresholdCount)),
	}, nil
}
