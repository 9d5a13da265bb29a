package rehearsal

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// schedule runs the tasks of the cluster's services from now on, each service as soon as it is there.
func (e *Environment) schedule(background context.Context) {
	const pace = time.Second

	client := awsecs.NewFromConfig(e.admin.config())
	cluster := "app-" + Env
	known := map[string]bool{}

	e.running.Go(func() {
		for background.Err() == nil {
			// Before there is a cluster this is an error, and at the end too.
			found, err := client.ListServices(background, &awsecs.ListServicesInput{Cluster: &cluster})
			if err != nil {
				found = &awsecs.ListServicesOutput{}
			}

			for _, arn := range found.ServiceArns {
				if name := arn[strings.LastIndexByte(arn, '/')+1:]; !known[name] {
					known[name] = true

					e.runService(background, client, cluster, name)
				}
			}

			select {
			case <-background.Done():
			case <-time.After(pace):
			}
		}
	})
}

// runService runs one service behind a load balancer of its own.
func (e *Environment) runService(background context.Context, client *awsecs.Client, cluster, name string) {
	scheduler := &ecs.Scheduler{
		Cluster: cluster, Service: name, Prefix: imageName + "-" + e.id,
		ECS: client, ELB: elb.NewFromConfig(e.admin.config()), ACM: acm.NewFromConfig(e.admin.config()), Cloud: e.cloud,
		Engine:  &docker.Engine{Program: e.engine.Program, Label: label + ".task=" + e.id},
		Secrets: e.admin.secrets, Logs: e.logs, Mark: e.marks.add,
		StartBalancer: func(ctx context.Context, entrance ecs.Entrance, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error) {
			return e.startBalancer(ctx, name, entrance, settings, log)
		},
	}

	e.running.Go(func() {
		if err := scheduler.Run(background); err != nil {
			e.sayf("%v", err)
		}
	})
}
