package emulator

import (
	"context"
	"encoding/json"
	"fmt"
)

// Deployment is how a deployment of a service stands, in ECS's words.
type Deployment struct {
	// State is IN_PROGRESS, COMPLETED or FAILED.
	State   string `json:"rolloutState"`
	Reason  string `json:"rolloutStateReason"`
	Running int    `json:"runningCount"`
	Failed  int    `json:"failedTasks"`
}

// ReportDeployments says how a service's deployments stand, by their ids, and which are over. It is for whoever starts the
// tasks of an emulator that was started with EMULATOR_SCHEDULER=external.
func (e *Emulator) ReportDeployments(ctx context.Context, cluster, service string, deployments map[string]Deployment, over []string) error {
	if over == nil {
		over = []string{}
	}

	return e.tell(ctx, "ReportDeployments", map[string]any{"cluster": cluster, "service": service, "deployments": deployments, "over": over})
}

// RollBack makes an older deployment the primary one again, as ECS's circuit breaker does.
func (e *Emulator) RollBack(ctx context.Context, cluster, service, deployment string) error {
	return e.tell(ctx, "RollBackService", map[string]any{"cluster": cluster, "service": service, "deployment": deployment})
}

// ReportActions says which actions of a pipeline's execution have succeeded.
func (e *Emulator) ReportActions(ctx context.Context, pipeline, execution string, actions any) error {
	return e.tell(ctx, "ReportActions", map[string]any{"pipeline": pipeline, "execution": execution, "actions": actions})
}

// ReportExecution says that a pipeline has a newer execution: its summary in CodePipeline's words, in the format of ListPipelineExecutions.
func (e *Emulator) ReportExecution(ctx context.Context, pipeline, summary string) error {
	return e.tell(ctx, "ReportExecution", map[string]any{"pipeline": pipeline, "summary": json.RawMessage(summary)})
}

// MakeZone makes a hosted zone with that ID, such as Z0123456789ABCDEFGHIJ; Route 53 chooses it itself.
func (e *Emulator) MakeZone(ctx context.Context, id, name string) error {
	return e.tell(ctx, "MakeZone", map[string]any{"id": id, "name": name})
}

// TargetGroup names a target group in metrics.
type TargetGroup struct {
	TargetGroup, LoadBalancer string
}

// Measured is what a load balancer has measured of a target group: how many requests, how many answers with a 5xx status, and how long each
// answer took.
type Measured struct {
	Requests int       `json:"requests"`
	Errors   int       `json:"errors"`
	Seconds  []float64 `json:"seconds"`
}

// Measure publishes it as metrics of now.
func (e *Emulator) Measure(ctx context.Context, group TargetGroup, measured Measured) error {
	if measured.Requests == 0 {
		return nil
	}

	return e.tell(ctx, "Measure", map[string]any{"dimensions": group, "measured": measured})
}

func (e *Emulator) tell(ctx context.Context, operation string, request any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("write %s: %w", operation, err)
	}

	if err = post(ctx, e.connectionsURL, "X-Amz-Target", "Emulator."+operation, string(body)); err != nil {
		return fmt.Errorf("tell the AWS emulator %s: %w", operation, err)
	}

	return nil
}
