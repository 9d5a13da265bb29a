package infra_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What AWS refuses of a check from outside and of the way that its alarm takes to another region.
func TestChecksFromOutside(t *testing.T) {
	t.Parallel()

	const (
		check  = `route53 create-health-check --caller-reference REFERENCE --health-check-config {"Type":"HTTP_STR_MATCH","FullyQualifiedDomainName":"clock.example.com",`
		search = `"SearchString":"11:38"`
		alarm  = "cloudwatch put-metric-alarm --region us-east-1 --alarm-name app-test-outside --namespace AWS/Route53 --metric-name HealthCheckStatus" +
			" --statistic Minimum --period 60 --evaluation-periods 3 --threshold 1 --comparison-operator LessThanThreshold"
		target = "events put-targets --region us-east-1 --rule app-test-outside --targets Id=home,Arn=arn:aws:events:REGION:123456789012:event-bus/default"
	)

	owner := &stack{folder: t.TempDir(), environment: testkit.Emulator(t, "infra").Environment(os.Environ())}
	owner.must(t, "aws", "events", "put-rule", "--region", "us-east-1", "--name", "app-test-outside", "--event-pattern", `{"source":["aws.cloudwatch"]}`)

	for name, row := range map[string]struct{ command, refused string }{
		"three regions":                     {check + search + `,"Regions":["eu-west-1","us-east-1","sa-east-1"]}`, ""},
		"two regions":                       {check + search + `,"Regions":["eu-west-1","us-east-1"]}`, "valid min length: 3"},
		"a region without checkers":         {check + search + `,"Regions":["eu-west-1","us-east-1","eu-central-1"]}`, "eu-central-1"},
		"an answer of 255 characters":       {check + `"SearchString":"` + strings.Repeat("1", 255) + `"}`, ""},
		"an answer of 256 characters":       {check + `"SearchString":"` + strings.Repeat("1", 256) + `"}`, "SearchString"},
		"no answer to look for":             {check + `"Port":80}`, "SearchString"},
		"every 20 seconds":                  {check + search + `,"RequestInterval":20}`, "RequestInterval"},
		"a topic of the alarm's region":     {alarm + " --alarm-actions arn:aws:sns:us-east-1:123456789012:alarms", ""},
		"a topic of another region":         {alarm + " --alarm-actions arn:aws:sns:eu-west-1:123456789012:alarms", "Invalid region eu-west-1 specified. Only us-east-1 is supported."},
		"a bus of another region":           {strings.Replace(target, "REGION", "eu-west-1", 1), "RoleArn is required for target arn:aws:events:eu-west-1:123456789012:event-bus/default."},
		"a bus of another region by a role": {strings.Replace(target, "REGION", "eu-west-1", 1) + ",RoleArn=arn:aws:iam::123456789012:role/home", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, complaint, err := owner.run(t, "aws", strings.Fields(strings.Replace(row.command, "REFERENCE", strings.ReplaceAll(name, " ", "-"), 1))...)
			if row.refused == "" {
				assert.NoError(t, err, complaint)
			} else {
				assert.Contains(t, complaint, row.refused)
			}
		})
	}
}

// testOutside has a person switch the check on, move it to another URL, and switch it off.
func testOutside(t *testing.T, environment map[string]string) {
	t.Helper()

	outside := newStack(t, "outside", environment, "env=test", "tf_state_bucket="+stateBucket)
	outside.initInBucket(t, "test")

	plain := "url=http://app-test-1.eu-west-1.elb.amazonaws.com"
	outside.apply(t, plain)
	outside.requireSettled(t, plain)

	// As a person does, with what is committed for the environment.
	settings := filepath.Join(outside.folder, "env", "test.tfvars")
	require.NoError(t, os.Mkdir(filepath.Dir(settings), 0o700))
	require.NoError(t, os.WriteFile(settings, []byte("url = \"https://clock.example.com\"\nregions = [\"eu-west-1\", \"sa-east-1\", \"us-east-1\"]\n"), 0o600))
	said := outside.must(t, testkit.Program(t, "apt-get install make", "make"), "-C", "../..", "apply-outside",
		"ENV=test", "TF_STATE_BUCKET="+stateBucket, "TF_FLAGS=-auto-approve -input=false")
	assert.Contains(t, said, "Apply complete!")
	outside.requireSettled(t, "url=https://clock.example.com", `regions=["eu-west-1","sa-east-1","us-east-1"]`)
	outside.requireDestroyed(t, "url=https://clock.example.com")
}
