package infra_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What people get wrong stops at plan, with one sentence that says what to give.
func TestBadInput(t *testing.T) {
	t.Parallel()

	environment := testkit.Emulator(t, "infra").Environment(os.Environ())
	(&stack{folder: t.TempDir(), environment: environment}).createKey(t)

	// Every wrong variable is complained about, so one plan has several; each of the rows is a plan.
	for _, row := range []struct {
		stack string
		name  string
		wrong []string
		want  []string
	}{
		{
			"app", "a tag in place of a digest",
			[]string{"image=" + repository + ":v1.2.3"},
			[]string{"Give image by its digest, as repo@sha256:<64 hex digits>, without a tag: a tag does not say which image runs. The running one is printed by .infra/app/running-image."},
		},
		{
			"app", "an env that no name in AWS can hold",
			[]string{"env=Prod_EU"},
			[]string{"Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod."},
		},
		{
			"app", "one zone",
			[]string{`availability_zones=["eu-west-1a"]`},
			[]string{`Give availability_zones at least two different zones, for example ["eu-west-1a", "eu-west-1b"], or none for the region's first two.`},
		},
		{
			"app", "a domain without its zone",
			[]string{"domain_name=clock.example.com"},
			[]string{"Give domain_name and hosted_zone_id together: the host name and the ID of the Route 53 zone that it lies in, or neither for plain HTTP."},
		},
		{
			"app", "no bucket",
			[]string{"tf_state_bucket="},
			[]string{"Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack."},
		},
		{
			"outside", "everything",
			[]string{"env=Prod_EU", "tf_state_bucket=", "region=cn-north-1", "url=clock.example.com", `regions=["eu-west-1","us-east-1"]`},
			[]string{
				"Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod.",
				"Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack.",
				"The check from outside has its alarm in us-east-1, which cn-north-1 can't be reached from.",
				"Give url what the app stack has as alb_url, without a path, for example https://clock.example.com.",
				"Give regions at least three of ap-northeast-1, ap-southeast-1, ap-southeast-2, eu-west-1, sa-east-1, us-east-1, us-west-1 and us-west-2: Route 53 asks from there.",
			},
		},
		{
			"app", "where it runs",
			[]string{
				"region=Ireland", "vpc_cidr=10.0.0.0/24", "egress=vpn", "allowed_cidrs=[]", "ssl_policy=ELBSecurityPolicy-2016-08",
				`waf={rate_limit=1,managed_rules="on",text_paths=["echo"]}`, "log_retention_days=31", "container_insights=on", "alarm_email=ops", "permissions_boundary=a b",
				"domain_name=https://clock.example.com", "hosted_zone_id=Z0",
				`secrets={TOKEN="hunter2"}`,
			},
			[]string{
				"Give region the name of an AWS region, for example eu-west-1.",
				"Give vpc_cidr an IPv4 range between /16 and /20, for example 10.0.0.0/16.",
				"Give egress one of nat, endpoints and public_ip.",
				`Give allowed_cidrs at least one IPv4 range, for example ["0.0.0.0/0"] for everybody.`,
				"Give ssl_policy a policy with TLS 1.2 as its floor and TLS 1.3, for example ELBSecurityPolicy-TLS13-1-2-2021-06.",
				"Give waf.rate_limit a number of requests in five minutes, at least 10.",
				"Give waf.managed_rules one of count and block.",
				"Give waf.text_paths at least one path, for example /api/echo, of letters, digits and -._~/, and of less than 500 characters together.",
				"Give log_retention_days a number of days that CloudWatch Logs knows, for example 7, 30, 90 or 365.",
				"Give container_insights one of enhanced, enabled and disabled.",
				"Give alarm_email one mail address, for example ops@example.com, or leave it empty.",
				"Give permissions_boundary the name of an IAM policy, for example clockmirror-boundary.",
				"Give each of secrets the ARN of an SSM parameter (arn:aws:ssm:…:parameter/NAME) or of a Secrets Manager secret (arn:aws:secretsmanager:…:secret:NAME).",
				"Give domain_name a full host name in lower case, of at most 64 characters as the name of a certificate, for example clock.example.com, or leave it empty for plain HTTP.",
			},
		},
		{
			"app", "what runs",
			[]string{
				"cpu_architecture=amd64", "memory=4096", `environment={PORT="80"}`,
				`secrets_kms_key_arns=["alias/mine"]`, "scaling={min_tasks=4,max_tasks=2,cpu_percent=100}",
				"fargate_spot_percent=101", "alarm_thresholds={error_percent=0}",
			},
			[]string{
				"Give cpu_architecture one of X86_64 and ARM64, as the image is built.",
				"Give memory a size in MiB that Fargate pairs with this cpu: 512, 1024 or 2048 for 256; from 2 to 8 times the CPU units otherwise, in whole GiB.",
				"Leave PORT and ADMIN_PORT out of environment: the load balancer and the security groups are set to 8080 and 9090.",
				"Give secrets_kms_key_arns the ARNs of KMS keys, arn:aws:kms:…:key/ID.",
				"Give scaling.min_tasks at least 1 and scaling.max_tasks at least as much.",
				"Give scaling.cpu_percent 10 to 90 and scaling.requests_per_minute at least 1.",
				"Give fargate_spot_percent a whole number from 0 to 100.",
				"Give alarm_thresholds percentages between 0 and 100, and p99_seconds above 0.",
			},
		},
		{
			"app", "what else runs",
			[]string{"cpu=300", `environment={TOKEN="a"}`, `secrets={TOKEN="arn:aws:ssm:eu-west-1:123456789012:parameter/token"}`},
			[]string{
				"Give cpu one of Fargate's sizes: 256, 512, 1024, 2048, 4096, 8192 or 16384.",
				"Give each name either in environment or in secrets, not in both.",
			},
		},
		{
			"ecr", "everything",
			[]string{"env=a--b", "tf_state_bucket=s3://state", "region=Ireland", "repository_name=My Service", "keep_images=1"},
			[]string{
				"Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod.",
				"Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack.",
				"Give region the name of an AWS region, for example eu-west-1.",
				"Give repository_name at least 2 lower-case letters and digits, with single separators between them, for example clockmirror.",
				"Give keep_images a whole number from 50 to 1000: an image that was rolled back to must stay while newer ones are pushed.",
			},
		},
		{
			"cicd", "everything",
			[]string{
				"env=Prod", "tf_state_bucket=", "region=Ireland", "repository=https://github.com/acme/clockmirror", "connection_arn=clockmirror",
				"branch=refs/heads/master", "notification_email=ops", "red_hours=48", "image_platform=amd64", "image_repository=My Service",
				"hosted_zone_id=example.com", "permissions_boundary=a b", "log_retention_days=31", "artifact_days=0",
			},
			[]string{
				"Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod.",
				"Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack.",
				"Give region the name of an AWS region, for example eu-west-1.",
				"Give repository as owner/name, without a host and without .git at its end, for example acme/clockmirror.",
				"Give connection_arn the ARN of a connection, the output connection_arn of the bootstrap stack: arn:aws:codeconnections:…:connection/…",
				"Give branch the plain name of one branch, for example master, not refs/heads/master and not a pattern.",
				"Give notification_email one mail address, for example ops@example.com, or leave it empty.",
				"Give red_hours a whole number of hours from 1 to 23: an alarm looks back for a day at most.",
				"Give image_platform one of linux/amd64 and linux/arm64.",
				"Give image_repository at least 2 lower-case letters and digits, with single separators between them, for example clockmirror.",
				"Give hosted_zone_id the ID of a Route 53 hosted zone, for example Z0123456789ABCDEFGHIJ, or leave it empty.",
				"Give permissions_boundary the name of an IAM policy, for example clockmirror-boundary.",
				"Give log_retention_days a number of days that CloudWatch Logs knows, for example 7, 30, 90 or 365.",
				"Give artifact_days a whole number of days, at least 1.",
			},
		},
		{
			"cicd", "pull requests of anybody, on the pipeline's connection",
			[]string{"region=Ireland", `pull_request_actors=["*"]`},
			[]string{
				"Give region the name of an AWS region, for example eu-west-1.",
				"Give pull_request_connection_arn with pull_request_actors: a connection of its own, which reaches this repository alone. A build can take the connection's token.",
				`Give pull_request_actors account IDs of the Git host, for example ["583231"]; at GitHub, https://api.github.com/users/NAME tells the id.`,
			},
		},
		{
			"bootstrap", "everything",
			[]string{"tf_state_bucket=State", "region=Ireland", "git_host=Gitea", "state_history_days=0"},
			[]string{
				"Give tf_state_bucket a name for the state bucket: 3 to 63 lower-case letters, digits and hyphens, for example acme-clockmirror-state.",
				"Give region the name of an AWS region, for example eu-west-1.",
				"Give git_host one of GitHub, GitLab and Bitbucket.",
				"Give state_history_days a whole number of days, at least 1.",
			},
		},
	} {
		t.Run(row.stack+": "+row.name, func(t *testing.T) {
			t.Parallel()

			given := newStack(t, row.stack, environment, append(required(row.stack), row.wrong...)...)
			given.keepStateInFile(t)
			given.init(t)

			assert.ElementsMatch(t, row.want, given.complaints(t))
		})
	}
}

// Two environments in one workspace would destroy each other.
func TestWorkspaceOfAnotherEnvironment(t *testing.T) {
	t.Parallel()

	given := newStack(t, "app", testkit.Emulator(t, "infra").Environment(os.Environ()), required("app")...)
	given.keepStateInFile(t)
	given.init(t)
	require.NoError(t, given.WorkspaceNew(t.Context(), "another"))

	assert.Equal(t, []string{
		"The selected workspace holds the state of another environment: run terraform workspace select -or-create with the name of env.",
	}, given.complaints(t))
}

// required are the variables that have no default, rightly set.
func required(stack string) []string {
	given := []string{"tf_state_bucket=" + stateBucket}

	if stack != "bootstrap" {
		given = append(given, "env=test")
	}

	if stack == "cicd" {
		given = append(given, gitRepository, "connection_arn=arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef")
	}

	if stack == "outside" {
		given = append(given, "url=https://clock.example.com")
	}

	if stack == "app" {
		given = append(given, "image="+image("a"))
	}

	return given
}

// keepStateInFile has the stack do without a state bucket.
func (s *stack) keepStateInFile(t *testing.T) {
	t.Helper()

	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "zz_override.tf"), []byte("terraform {\n  backend \"local\" {}\n}\n"), 0o600))
}

// complaints are what a plan is refused with.
func (s *stack) complaints(t *testing.T, variables ...string) []string {
	t.Helper()

	var output bytes.Buffer

	_, err := s.PlanJSON(t.Context(), &output, append(with[tfexec.PlanOption](s, variables), tfexec.Refresh(false))...)
	require.Error(t, err, "the plan goes through")

	var found []string

	for _, line := range readLines(t, &output) {
		if line.Diagnostic.Severity == "error" {
			sentence, _, _ := strings.Cut(line.Diagnostic.Detail, "\n\nThis was checked by the validation rule at ")
			found = append(found, sentence)
		}
	}

	return found
}

// line is what Terraform prints with -json.
type line struct {
	Type string `json:"type"`
	Hook struct {
		Resource resource `json:"resource"`
	} `json:"hook"`
	Change struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
	} `json:"change"`
	Diagnostic struct {
		Severity string `json:"severity"`
		Detail   string `json:"detail"`
	} `json:"diagnostic"`
}

type resource struct {
	Address string `json:"addr"`
}

func readLines(t *testing.T, output io.Reader) []line {
	t.Helper()

	var all []line

	for decoder := json.NewDecoder(output); decoder.More(); {
		var next line

		require.NoError(t, decoder.Decode(&next))
		all = append(all, next)
	}

	return all
}
