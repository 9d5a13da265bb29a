package infra_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// signatures has verify-image find signatures of all images, as ECR would keep them.
func (s *stack) signatures(t *testing.T) {
	t.Helper()

	for _, variable := range testkit.Signatures(t, strings.Split(repository, "/")[0], "cicd-test") {
		name, value, _ := strings.Cut(variable, "=")
		s.environment[name] = value
	}
}

// testRollBack puts an older image back; the next plan is empty. The test of the README's commands does so by a tag, with a registry.
func testRollBack(t *testing.T, environment map[string]string) {
	t.Helper()

	app := newStack(t, "app", environment, "env=test", "tf_state_bucket="+stateBucket)
	app.selectInBucket(t, "test")
	app.signatures(t)

	digest := app.must(t, "aws", "ecr", "put-image", "--repository-name", "clockmirror", "--image-tag", "v1.2.3", "--output", "text", "--query", "image.imageId.imageDigest",
		"--image-manifest", `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"size":1,"digest":"sha256:`+strings.Repeat("c", 64)+`"},"layers":[]}`)

	complaint := app.refused(t, "./roll-back", "test", "v9.9.9")
	assert.Contains(t, complaint, "there is no image clockmirror:v9.9.9 any more; kept are, newest first:")
	assert.Contains(t, complaint, "v1.2.3")

	older := repository + "@" + digest
	require.NotEqual(t, older, app.must(t, "./running-image", "test"))
	app.must(t, "./roll-back", "test", older)
	assert.Equal(t, older, app.must(t, "./running-image", "test"), "nothing was put back")
	app.requireSettled(t, "image="+older)
}

// testMeasure has Verify publish its metrics: of an execution that goes on, and of one that failed.
func testMeasure(t *testing.T, cloud *emulator.Emulator, verify *stack) {
	t.Helper()

	for id, status := range map[string]string{"failed": "Failed", "own": "InProgress"} {
		require.NoError(t, cloud.ReportExecution(t.Context(), "cicd-test", `{"pipelineExecutionId": "`+id+`", "status": "`+status+`"}`))
	}

	assert.Contains(t, verify.must(t, "../cicd/measure", "test", "own", "Succeeded"), "measure: DeployFrequency 0.03 None")
}
