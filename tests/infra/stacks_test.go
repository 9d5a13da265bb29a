package infra_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	taskDefinition = "module.api.aws_ecs_task_definition.this"
	service        = "module.api.aws_ecs_service.this"
)

// The stacks in the order of the README, with the real provider, on one emulator: each is applied, has nothing left to
// change, obeys the policies, and is destroyed without a trace.
//
//nolint:tparallel // the bucket of the states outlives what is in it
func TestStacks(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	environment := cloud.Environment(os.Environ())

	bootstrap := newStack(t, "bootstrap", environment, "tf_state_bucket="+stateBucket)
	bootstrap.init(t)
	bootstrap.apply(t)

	t.Run("with state", func(t *testing.T) {
		t.Run("ecr", func(t *testing.T) {
			t.Parallel()

			ecr := newStack(t, "ecr", environment, "env=test", "tf_state_bucket="+stateBucket)
			ecr.initInBucket(t, "test")
			ecr.apply(t)
			ecr.requireSettled(t)

			options := []string{"keep_images=60", "protect=true"}
			ecr.apply(t, options...)
			ecr.requireSettled(t, options...)
			ecr.requireDestroyed(t, options...)
		})

		t.Run("app", func(t *testing.T) {
			t.Parallel()

			testApp(t, cloud)
		})

		t.Run("app with all options", func(t *testing.T) {
			t.Parallel()

			full := newStack(t, "app", environment, append(allOptions(t, cloud), "env=full", "tf_state_bucket="+stateBucket)...)
			full.initInBucket(t, "full")
			full.apply(t)
			full.requireSettled(t)
			full.requireKnownToAWS(t)
			full.requireDestroyed(t)
		})

		t.Run("outside", func(t *testing.T) {
			t.Parallel()

			testOutside(t, environment)
		})

		t.Run("cicd with all options", func(t *testing.T) {
			t.Parallel()

			testPipelineOptions(t, cloud)
		})
	})
}

// The account's own things: made, kept from accidents, and given back as the README says.
func TestBootstrap(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	bootstrap := newStack(t, "bootstrap", cloud.Environment(os.Environ()), "tf_state_bucket="+stateBucket, "git_host=GitLab", "state_history_days=30")
	bootstrap.init(t)
	bootstrap.apply(t)

	// A state with an older version, and one that was deleted.
	bucket := s3.NewFromConfig(cloud.Owner(), func(options *s3.Options) { options.UsePathStyle = true })

	for _, key := range []string{"app/terraform.tfstate", "app/terraform.tfstate", "deleted"} {
		_, err := bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(stateBucket), Key: aws.String(key)})
		require.NoError(t, err)
	}

	_, err := bucket.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(stateBucket), Key: aws.String("deleted")})
	require.NoError(t, err)

	bootstrap.requireSettled(t)
	bootstrap.requireKnownToAWS(t)

	err = bootstrap.destroy(t)
	require.ErrorContains(t, err, "Instance cannot be destroyed", "the state of everything else can be destroyed by accident")
	bootstrap.requireSettled(t)

	// On purpose.
	override := filepath.Join(bootstrap.folder, "release_override.tf")
	require.NoError(t, os.Rename(override+".example", override))
	bootstrap.apply(t)
	bootstrap.requireDestroyed(t)
}

// testApp takes one environment through its life: made, deployed to by the pipeline, changed, protected, destroyed.
func testApp(t *testing.T, cloud *emulator.Emulator) {
	t.Helper()

	app := newStack(t, "app", cloud.Environment(os.Environ()), "env=test", "tf_state_bucket="+stateBucket)
	app.initInBucket(t, "test")

	cluster := ecs.NewFromConfig(cloud.Owner())
	running := "image=" + image("a")

	assert.Contains(t, app.refused(t, "./running-image", "test"), "no deployment to app-test has completed yet; give the image to start with, as repo@sha256:")

	first := app.must(t, "./running-image", "test", image("a"))
	assert.Equal(t, image("a"), first, "the first apply takes the image that it is given")

	requireLocked(t, cloud, func() { app.apply(t, running) })
	app.requireSettled(t, running)

	// The pipeline deploys.
	deployed := deploy(t, cluster, image("b"))
	printed := app.must(t, "./running-image", "test", image("c"))
	require.Equal(t, image("b"), printed, "whoever applies next would take the deployment back")

	// An AWS that does not answer must not pass for a first apply.
	app.refused(t, "env", "AWS_ENDPOINT_URL=http://127.0.0.1:9", "./running-image", "test", image("c"))

	running = "image=" + printed
	app.requireSettled(t, running)

	planned := app.must(t, testkit.Program(t, "apt-get install make", "make"), "-C", "../..", "plan-app",
		"ENV=test", "TF_STATE_BUCKET="+stateBucket)
	assert.Contains(t, planned, "No changes.", "people see another plan than the pipeline")

	// A person changes a setting, and with it nothing else.
	setting := `environment={"LOG_LEVEL":"debug"}`
	changes, plan := app.plan(t, running, setting)
	assert.Equal(t, map[string]tfjson.Actions{
		taskDefinition: {tfjson.ActionDelete, tfjson.ActionCreate},
		service:        {tfjson.ActionUpdate},
	}, changes)
	assert.Equal(t, image("b"), plannedContainer(t, plan).Image, "the deployment would be taken back")
	assert.Contains(t, plannedContainer(t, plan).Environment, pair{Name: "LOG_LEVEL", Value: "debug"})

	app.apply(t, running, setting)
	app.requireSettled(t, running, setting)

	now, _ := runningRevision(t, cluster)
	assert.Equal(t, image("b"), *now.ContainerDefinitions[0].Image)
	assert.Greater(t, now.Revision, deployed, "the setting is not in a new revision")

	// What a roll-back goes to is still there.
	old, err := cluster.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("app-test-api:1")})
	require.NoError(t, err)
	assert.Equal(t, "ACTIVE", string(old.TaskDefinition.Status))

	// Protected, it stays; released, it goes.
	app.apply(t, running, setting, "protect=true")

	before, err := app.Show(t.Context())
	require.NoError(t, err)

	err = app.destroy(t, running, setting, "protect=true")
	require.Error(t, err)
	assert.Contains(t, strings.Join(strings.Fields(err.Error()), " "), "The environment test is protected: apply with protect = false first.")

	after, err := app.Show(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, addresses(before.Values), addresses(after.Values), "something is gone in spite of the protection")

	app.apply(t, running, setting, "protect=false")
	app.requireDestroyed(t, running, setting)
}

// hostedZone makes a zone for domains, and returns its ID.
func hostedZone(t *testing.T, cloud *emulator.Emulator) string {
	t.Helper()

	zone, err := route53.NewFromConfig(cloud.Owner()).CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String("example.com"), CallerReference: aws.String(t.Name()),
	})
	require.NoError(t, err)

	return strings.TrimPrefix(*zone.HostedZone.Id, "/hostedzone/")
}

// allOptions switches on what the defaults leave out.
func allOptions(t *testing.T, cloud *emulator.Emulator) []string {
	t.Helper()

	return []string{
		"image=" + image("a"),
		"domain_name=clock.example.com",
		"hosted_zone_id=" + hostedZone(t, cloud),
		"egress=endpoints",
		"waf={enabled=true}",
		"alarm_email=ops@example.com",
		"cpu_architecture=ARM64",
		"fargate_spot_percent=50",
		"scaling={min_tasks=1}",
		`environment={"LOG_LEVEL":"debug"}`,
		`secrets={"TOKEN":"arn:aws:ssm:eu-west-1:123456789012:parameter/token",` +
			`"PASSWORD":"arn:aws:secretsmanager:eu-west-1:123456789012:secret:password-AbCdEf:key::"}`,
		`secrets_kms_key_arns=["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"]`,
	}
}

// requireLocked runs an apply, and meanwhile tries a second one from elsewhere: it is refused and told by whom.
func requireLocked(t *testing.T, cloud *emulator.Emulator, apply func()) {
	t.Helper()

	bucket := s3.NewFromConfig(cloud.Owner(), func(options *s3.Options) { options.UsePathStyle = true })
	second := newStack(t, "app", cloud.Environment(os.Environ()), "env=test", "tf_state_bucket="+stateBucket, "image="+image("a"))
	second.init(t, tfexec.BackendConfig("bucket="+stateBucket), tfexec.BackendConfig("region="+emulator.Region))
	require.NoError(t, second.WorkspaceSelect(t.Context(), "test"))

	refused := make(chan error, 1)

	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		for ctx.Err() == nil {
			if _, err := bucket.HeadObject(ctx, &s3.HeadObjectInput{
				Bucket: aws.String(stateBucket), Key: aws.String("app/test/app/terraform.tfstate.tflock"),
			}); err == nil {
				break
			}
		}

		refused <- second.Apply(t.Context(), with[tfexec.ApplyOption](second, nil)...)
	}()

	apply()

	err := <-refused
	require.ErrorContains(t, err, "Error acquiring the state lock")

	host, hostErr := os.Hostname()
	require.NoError(t, hostErr)
	assert.Regexp(t, `Who:\s+\S+@`+host, err.Error(), "who holds the lock is not said")
}

// deploy does what the ECS action of CodePipeline does: it registers a copy of the revision that the service runs, with
// another image, and has the service run it. It returns the new revision.
func deploy(t *testing.T, cluster *ecs.Client, image string) int32 {
	t.Helper()

	revision, tags := runningRevision(t, cluster)
	input, err := codepipeline.WithImages(revision, tags, []codepipeline.ImageDefinition{{Name: "api", ImageURI: image}})
	require.NoError(t, err)

	registered, err := cluster.RegisterTaskDefinition(t.Context(), input)
	require.NoError(t, err)

	_, err = cluster.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: aws.String("app-test"), Service: aws.String("api"), TaskDefinition: registered.TaskDefinition.TaskDefinitionArn,
	})
	require.NoError(t, err)

	return registered.TaskDefinition.Revision
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type container struct {
	Image       string `json:"image"`
	Environment []pair `json:"environment"`
}

// plannedContainer is the container of the revision that a plan would register.
func plannedContainer(t *testing.T, plan *tfjson.Plan) container {
	t.Helper()

	var containers []container

	require.NoError(t, json.Unmarshal([]byte(plannedString(t, plan, taskDefinition, "container_definitions")), &containers))
	require.Len(t, containers, 1)

	return containers[0]
}

// runningRevision is the task definition that the service runs, and its tags.
func runningRevision(t *testing.T, cluster *ecs.Client) (*types.TaskDefinition, []types.Tag) {
	t.Helper()

	services, err := cluster.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("app-test"), Services: []string{"api"}})
	require.NoError(t, err)
	require.Len(t, services.Services, 1)

	revision, err := cluster.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: services.Services[0].TaskDefinition,
		Include:        []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	require.NoError(t, err)

	return revision.TaskDefinition, revision.Tags
}
