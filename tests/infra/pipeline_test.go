package infra_test

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	gitRepository = "repository=acme/clockmirror"
	boundaryARN   = "arn:aws:iam::123456789012:policy/clockmirror-boundary"
	administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
)

// The pipeline's roles do their work, with the real provider and with every call checked against their policies, and are
// denied each other's. What no call of this test does, the policies themselves are asked about.
func TestPipeline(t *testing.T) {
	t.Parallel()

	cloud := testkit.Emulator(t, "infra")
	environment := cloud.Environment(os.Environ())

	// Of bootstrap, what the others need; TestStacks makes it all.
	bootstrap := newStack(t, "bootstrap", environment, "tf_state_bucket="+stateBucket)
	bootstrap.init(t)
	require.NoError(t, bootstrap.Apply(t.Context(), append(with[tfexec.ApplyOption](bootstrap, nil),
		tfexec.Target("aws_s3_bucket.state"), tfexec.Target("aws_codeconnections_connection.git"), tfexec.Target("aws_iam_policy.boundary"),
		tfexec.Target("aws_kms_alias.environments"), tfexec.Target("aws_kms_alias.signing"))...))

	connection := output(t, bootstrap, "connection_arn")
	pipeline := newStack(t, "cicd", environment, "env=test", "tf_state_bucket="+stateBucket, gitRepository, "connection_arn="+connection,
		"hosted_zone_id=Z0123456789ABCDEFGHIJ", `environments=[{name="gamma"},{name="test"}]`)
	pipeline.initInBucket(t, "test")

	_, err := pipeline.Plan(t.Context(), with[tfexec.PlanOption](pipeline, nil)...)
	require.ErrorContains(t, err, "The connection clockmirror to GitHub is not confirmed yet")
	require.NoError(t, cloud.ConfirmConnection(t.Context(), connection))

	pipeline.apply(t)
	pipeline.requireSettled(t)
	pipeline.requireKnownToAWS(t)

	roles := identities(t, pipeline, bootstrap)
	t.Run("policies", func(t *testing.T) { testPolicies(t, roles, output(t, bootstrap, "signing_key_arn")) }) //nolint:paralleltest // before permissions are checked

	assumed := map[string]map[string]string{}
	for _, role := range []string{"static-analysis", "unit-test", "build", "deploy-ecr", "deploy-app", "update-ecs-service", "verify", "accept", "deploy-app-gamma", "update-ecs-gamma", "verify-gamma"} {
		assumed[role] = assume(t, bootstrap, "cicd-test-"+role)
	}

	require.NoError(t, cloud.Enforce(t.Context(), true))
	t.Run("actions", func(t *testing.T) { testActions(t, cloud, assumed) }) //nolint:paralleltest // what follows needs its end
	require.NoError(t, cloud.Enforce(t.Context(), false))

	t.Run("roll back", func(t *testing.T) { testRollBack(t, environment) }) //nolint:paralleltest // as above
}

// testActions takes the actions of the stage Deploy in their order, and has each role try what is not its work.
func testActions(t *testing.T, cloud *emulator.Emulator, assumed map[string]map[string]string) {
	t.Helper()

	registry := newStack(t, "ecr", assumed["deploy-ecr"], "env=test", "tf_state_bucket="+stateBucket)
	registry.initInBucket(t, "test")
	registry.apply(t)
	registry.requireSettled(t)

	app := newStack(t, "app", assumed["deploy-app"], "env=test", "tf_state_bucket="+stateBucket)
	app.initInBucket(t, "test")

	first := app.must(t, "./running-image", "test", image("a"))
	app.apply(t, "image="+first)
	app.requireSettled(t, "image="+first)
	app.requireKnownToAWS(t)

	deploy(t, ecs.NewFromConfig(configAs(cloud, assumed["update-ecs-service"])), image("b"))
	app.requireSettled(t, "image="+image("b"))

	verify := newStack(t, "app", assumed["verify"])
	verify.signatures(t)

	_, complaint, err := verify.run(t, "./await-image", "test", image("b"), "10")
	require.NoError(t, err, complaint)
	assert.Contains(t, complaint, "app-test/api runs "+image("b")+" in 2 of 2 tasks")

	assert.Contains(t, verify.refused(t, "./await-image", "test", image("c"), "10"), "app-test/api runs "+image("b")+", not "+image("c"))

	testMeasure(t, cloud, verify)

	// What Verify does when the pushed image fails: back to the one before, but never over another deployment.
	_, complaint, err = verify.run(t, "./roll-back", "test", image("a"), image("b"))
	require.NoError(t, err, complaint)
	assert.Contains(t, complaint, "app-test/api runs "+image("a")+" in 2 of 2 tasks")
	app.requireSettled(t, "image="+image("a"))

	// As Accept does. Where both are red, the second one finds the way back taken.
	deploy(t, ecs.NewFromConfig(configAs(cloud, assumed["update-ecs-service"])), image("b"))

	accept := newStack(t, "app", assumed["accept"])
	accept.signatures(t)
	_, complaint, err = accept.run(t, "./roll-back", "test", image("a"), image("b"))
	require.NoError(t, err, complaint)
	assert.Contains(t, complaint, "app-test/api runs "+image("a")+" in 2 of 2 tasks")
	_, complaint, err = verify.run(t, "./roll-back", "test", image("a"), image("b"))
	require.NoError(t, err, complaint)
	assert.Contains(t, complaint, "api of app-test stays on "+image("a"))

	verify.environment["SOURCE_BRANCH"] = "release"
	assert.Equal(t, "verify-image: "+image("b")+" was built from the branch master of acme/clockmirror, not from release",
		verify.refused(t, "./roll-back", "test", image("b"), image("a")))

	verify.environment["SOURCE_BRANCH"] = "master"
	assert.Contains(t, verify.refused(t, "./roll-back", "test", image("c"), image("b")), "api of app-test stays on "+image("a"))

	t.Run("denied", func(t *testing.T) { //nolint:paralleltest // its subtests are parallel
		for role, commands := range map[string][]string{
			"deploy-ecr": {
				"ecs update-service --cluster app-test --service api --task-definition app-test-api:1",
				"ecr delete-repository --repository-name clockmirror --force",
				"ecr batch-delete-image --repository-name clockmirror --image-ids imageTag=a",
				"s3api get-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate /dev/null",
				"s3api put-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate",
				"s3api delete-object --bucket clockmirror-test-state --key ecr/test/ecr/terraform.tfstate",
				"iam create-role --role-name app-test-api-task2 --assume-role-policy-document {}",
			},
			"deploy-app": {
				"ecr put-image-tag-mutability --repository-name clockmirror --image-tag-mutability MUTABLE",
				"ecr put-image --repository-name clockmirror --image-manifest {}",
				"kms sign --key-id alias/clockmirror-signing --message a --signing-algorithm ECDSA_SHA_256",
				"s3api get-object --bucket clockmirror-test-state --key ecr/test/ecr/terraform.tfstate /dev/null",
				"s3api put-object --bucket clockmirror-test-state --key cicd/test/cicd/terraform.tfstate",
				"s3api delete-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate",
				"ec2 delete-vpc --vpc-id vpc-1",
				"ecs delete-cluster --cluster app-test",
				"iam attach-role-policy --role-name app-test-api-task --policy-arn " + administrator,
				"iam delete-role-permissions-boundary --role-name app-test-api-task",
				"iam put-role-permissions-boundary --role-name app-test-api-task --permissions-boundary " + administrator,
				"iam create-policy-version --policy-arn " + boundaryARN + " --policy-document {}",
				"iam create-user --user-name administrator",
				"sts assume-role --role-arn arn:aws:iam::123456789012:role/app-test-api-task --role-session-name test",
			},
			"update-ecs-service": {
				"ecs delete-service --cluster app-test --service api --force",
				"s3api get-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate /dev/null",
			},
			// Another environment of the same pipeline.
			"deploy-app-gamma": {
				"s3api get-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate /dev/null",
				"s3api put-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate",
				"ecs update-service --cluster app-test --service api --task-definition app-test-api:1",
				"ecs update-cluster --cluster app-test",
				"iam delete-role --role-name app-test-api-task",
				"cloudwatch delete-dashboards --dashboard-names app-test",
				"logs put-retention-policy --log-group-name /ecs/app-test-api --retention-in-days 1",
			},
			"update-ecs-gamma": {"ecs update-service --cluster app-test --service api --task-definition app-test-api:1"},
			"verify-gamma":     append(changes()[2:], "ecs update-service --cluster app-test --service api --task-definition app-test-api:1"),
			"static-analysis":  changes(), "unit-test": changes(), "build": changes(), "verify": changes()[2:], "accept": changes()[2:], // but for those that take the service back
		} {
			for _, command := range commands {
				t.Run(role+" "+command, func(t *testing.T) {
					t.Parallel()

					who := &stack{folder: t.TempDir(), environment: assumed[role]}
					assert.Regexp(t, "AccessDenied|not authorized|Forbidden|UnauthorizedOperation", who.refused(t, "aws", strings.Fields(command)...))
				})
			}
		}

		for role, name := range map[string]string{"deploy-ecr": "app", "deploy-app": "ecr"} {
			t.Run(role+" applies "+name, func(t *testing.T) {
				t.Parallel()

				other := newStack(t, name, assumed[role], "env=test", "tf_state_bucket="+stateBucket)
				err := other.Init(t.Context(), tfexec.BackendConfig("bucket="+stateBucket), tfexec.BackendConfig("region="+emulator.Region))
				require.ErrorContains(t, err, "403", "the other's state can be read")
			})
		}
	})
}

// changes are calls that change something, of every kind that the project has.
func changes() []string {
	return []string{
		"ecs update-service --cluster app-test --service api --task-definition app-test-api:1",
		"ecs register-task-definition --family app-test-api --container-definitions []",
		"ecr put-image --repository-name clockmirror --image-manifest {}",
		"ecr put-image-tag-mutability --repository-name clockmirror --image-tag-mutability MUTABLE",
		"s3api put-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate",
		"s3api get-object --bucket clockmirror-test-state --key app/test/app/terraform.tfstate /dev/null",
		"s3api put-object --bucket cicd-test-123456789012-eu-west-1 --key cicd-test/imagedefs/x",
		"kms sign --key-id alias/clockmirror-signing --message a --signing-algorithm ECDSA_SHA_256",
		"iam create-user --user-name administrator",
		"iam create-role --role-name app-test-api-task --assume-role-policy-document {}",
		"codepipeline start-pipeline-execution --name cicd-test",
		"cloudwatch put-metric-data --namespace clockmirror/prod --metric-name LeadTime --value 1",
		"sns publish --topic-arn arn:aws:sns:eu-west-1:123456789012:cicd-test --message green",
	}
}
