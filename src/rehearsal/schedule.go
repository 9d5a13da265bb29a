package rehearsal

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// schedule runs the tasks of an environment's services from now on, each service as soon as it is there.
func (e *Environment) schedule(background context.Context, env string) {
	const pace = time.Second

	client := awsecs.NewFromConfig(e.admin.config())
	cluster := "app-" + env
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

					e.runService(background, client, env, name)
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
func (e *Environment) runService(background context.Context, client *awsecs.Client, env, name string) {
	prefix, logs := imageName+"-"+e.id, e.logs
	if env != Env {
		prefix, logs = prefix+"-"+env, filepath.Join(logs, env)
		if err := os.MkdirAll(logs, folderMode); err != nil {
			e.sayf("keep logs of %s: %v", env, err)
		}
	}

	scheduler := &ecs.Scheduler{
		Cluster: "app-" + env, Service: name, Prefix: prefix,
		ECS: client, ELB: elb.NewFromConfig(e.admin.config()), ACM: acm.NewFromConfig(e.admin.config()), Cloud: e.cloud,
		Engine:  &docker.Engine{Program: e.engine.Program, Label: label + ".task=" + e.id},
		Secrets: e.admin.secrets, Logs: logs,
		Mark: func(task, what string) {
			if env != Env {
				task = env + "-" + task
			}

			e.marks.add(task, what)
		},
	}
	scheduler.StartBalancer = func(ctx context.Context, entrance ecs.Entrance, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error) {
		return e.startBalancer(ctx, scheduler, entrance, settings, log)
	}

	e.running.Go(func() {
		if err := scheduler.Run(background); err != nil {
			e.sayf("%v", err)
		}
	})
}
