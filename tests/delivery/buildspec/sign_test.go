package pipeline_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What the pipeline built is signed, and what is not signed by it, or says that it comes from elsewhere, is refused in one sentence.
func TestSignatures(t *testing.T) {
	t.Parallel()

	s := newSigning(t)
	image, id := s.push(t, "first", commit)

	s.requireRefused(t, image, "is not signed: nothing refers to it")

	_, complaint, err := s.sign(t, s.key, image, "sha256:"+strings.Repeat("0", 64))
	require.Error(t, err, "an image that CodePipeline knows no build of is signed")
	assert.Contains(t, complaint, "CodePipeline knows of no build of the image sha256:"+strings.Repeat("0", 64))
	s.requireRefused(t, image, "is not signed: nothing refers to it")

	_, complaint, err = s.sign(t, s.key, image, id)
	require.NoError(t, err, complaint)

	facts, complaint, err := s.verify(t, image)
	require.NoError(t, err, complaint)
	assert.Contains(t, facts, "signed by   "+s.key+" (sha256:")
	assert.Contains(t, facts, "commit "+commit+" of acme/clockmirror, branch master; build cicd-test-build:7 of the pipeline cicd-test")
	assert.Contains(t, facts, "made of     CycloneDX 1.6, 0 components")

	t.Run("a second run signs nothing", func(t *testing.T) {
		before := contentOf(t, s.repository)
		_, complaint, err := s.sign(t, s.key, image, id)
		require.NoError(t, err, complaint)
		assert.Contains(t, complaint, "is signed already")
		assert.Equal(t, before, contentOf(t, s.repository))
	})

	t.Run("what runs is green, until something runs that is not signed", func(t *testing.T) {
		unsigned, _ := s.push(t, "unsigned", strings.Repeat("3", 40))
		cluster := ecs.NewFromConfig(s.cloud.Owner())
		// The first call in a fresh account makes the service-linked role and fails.
		_, _ = cluster.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("app-test")})
		_, err := cluster.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("app-test")})
		require.NoError(t, err)
		serve(t, cluster, "app-test", "api", image)

		said, complaint, err := runIn(t, testkit.Root(t), s.expecting(), ".infra/app/verify-running", "test")
		require.NoError(t, err, complaint)
		assert.Contains(t, said, "provenance  commit "+commit)
		assert.Contains(t, said, "green: 1 image(s) run in app-test")

		serve(t, cluster, "app-test", "worker", unsigned)

		said, complaint, err = runIn(t, testkit.Root(t), s.expecting(), ".infra/app/verify-running", "test")
		require.Error(t, err)
		assert.Contains(t, complaint, unsigned+" is not signed")
		assert.Contains(t, said, "red: 2 image(s) run in app-test")
	})

	t.Run("image definitions with another image are refused", func(t *testing.T) {
		t.Parallel()

		file := filepath.Join(t.TempDir(), "imagedefinitions.json")
		require.NoError(t, os.WriteFile(file, []byte(`[{"name":"api","imageUri":"`+image+`"},{"name":"api","imageUri":"other"}]`), 0o600))
		_, complaint, err := runIn(t, testkit.Root(t), s.expecting(), ".infra/ecr/verify-image", "test", image, file)
		require.Error(t, err)
		assert.Contains(t, complaint, file+" has "+image+" other deployed, not "+image)
	})

	t.Run("KMS signs no message over 4096 bytes, so checksums are signed", func(t *testing.T) {
		t.Parallel()

		output, err := exec.CommandContext(t.Context(), "env", append(append([]string{}, s.environment...), "aws", "kms", "sign", "--key-id", s.key,
			"--signing-algorithm", "ECDSA_SHA_256", "--message", strings.Repeat("YWFh", 1400))...).CombinedOutput()
		require.Error(t, err)
		assert.Contains(t, string(output), "less than or equal to 4096")
	})

	t.Run("what is signed by another key is refused", func(t *testing.T) {
		t.Parallel()

		other, otherID := s.push(t, "other key", strings.Repeat("1", 40))
		// The one who signs verifies with the same key, and finds it good.
		_, complaint, err := s.sign(t, s.otherKey, other, otherID)
		require.NoError(t, err, complaint)
		s.requireRefused(t, other, "is signed by another key than "+s.key)
	})

	t.Run("a signature that was moved to another image is refused", func(t *testing.T) {
		t.Parallel()

		moved, _ := s.push(t, "moved", strings.Repeat("2", 40))
		s.copyReferrers(t, image, moved)
		_, digest, _ := strings.Cut(image, "@")
		s.requireRefused(t, moved, "carries the signature of another image, "+digest)
	})

	for expected, want := range map[string]string{
		"SOURCE_REPOSITORY=acme/other": "was built from the repository acme/clockmirror, not from acme/other",
		"SOURCE_BRANCH=release":        "was built from the branch master of acme/clockmirror, not from release",
		"PIPELINE=cicd-prod SOURCE_REPOSITORY=acme/clockmirror SOURCE_BRANCH=master": "was built by the pipeline cicd-test, not by cicd-prod",
	} {
		t.Run("a provenance that does not say "+expected+" is refused", func(t *testing.T) {
			t.Parallel()
			s.requireRefused(t, image, want, strings.Fields(expected)...)
		})
	}

	t.Run("where the environment has no pipeline of its own, one is asked for", func(t *testing.T) {
		t.Parallel()

		_, complaint, err := s.verify(t, image, "PIPELINE=cicd-gamma")
		require.Error(t, err)
		assert.Contains(t, complaint, "the pipeline cicd-gamma can't be asked what it builds: where another one delivers to test, give PIPELINE=…, such as PIPELINE=cicd-prod")
	})

	t.Run("cosign verifies it with the public key alone", func(t *testing.T) {
		t.Parallel()

		key := s.publicKey(t)
		cosign := testkit.Tool(t, "cosign")

		for _, arguments := range [][]string{
			{"verify"}, {"verify-attestation", "--type", "slsaprovenance1"}, {"verify-attestation", "--type", "cyclonedx"},
		} {
			output, err := exec.CommandContext(t.Context(), cosign, append(arguments, "--key", key, "--insecure-ignore-tlog", image)...).CombinedOutput()
			require.NoError(t, err, string(output))
		}

		_, complaint, err := runIn(t, testkit.Root(t), []string{"SIGNER=" + key, "SOURCE_REPOSITORY=acme/clockmirror", "SOURCE_BRANCH=master", "PIPELINE=cicd-test"},
			".infra/ecr/verify-image", "test", image)
		require.NoError(t, err, "without AWS: "+complaint)
	})
}

// signing is a registry, and an account with a pipeline that has built something and two keys.
type signing struct {
	cloud         *emulator.Emulator
	environment   []string
	repository    string
	key, otherKey string
}

const execution = "01234567-89ab-cdef-0123-456789abcdef"

func newSigning(t *testing.T) *signing {
	t.Helper()

	s := &signing{cloud: testkit.Emulator(t, "delivery"), repository: testkit.Registry(t) + "/clockmirror"}
	s.environment = testkit.Shell(t, s.cloud)

	for _, key := range []*string{&s.key, &s.otherKey} {
		*key = testkit.AWS(t, s.environment, "kms", "create-key", "--key-usage", "SIGN_VERIFY", "--key-spec", "ECC_NIST_P256", "--query", "KeyMetadata.Arn")
	}

	testkit.Pipeline(t, s.environment, "cicd-test")

	return s
}

// push pushes an image, and returns it with its id.
func (s *signing) push(t *testing.T, content, commit string) (image, id string) {
	t.Helper()

	archive, id := save(t, testkit.Docker(t), content)
	image, complaint, err := run(t, "push-image", s.repository, archive, id, commit)
	require.NoError(t, err, complaint)

	s.built(t, id)

	return image, id
}

// built has CodePipeline know that an execution built an image.
func (s *signing) built(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, s.cloud.ReportActions(context.WithoutCancel(t.Context()), "cicd-test", execution+id, []codepipeline.ActionExecution{
		{Stage: "Source", Action: "Source", Variables: map[string]string{
			"CommitId": commit, "FullRepositoryName": "acme/clockmirror", "BranchName": "master",
		}},
		{Stage: "Build", Action: "Build", ExternalID: "cicd-test-build:7", Variables: map[string]string{"IMAGE_ID": id}},
	}))
}

func (s *signing) sign(t *testing.T, key, image, id string) (stdout, stderr string, err error) {
	t.Helper()

	bill := filepath.Join(t.TempDir(), "sbom.json")
	require.NoError(t, os.WriteFile(bill, []byte(billContent), 0o600))

	return runIn(t, testkit.Root(t), append(s.expecting(), "SIGNER="+key, "PIPELINE_EXECUTION_ID="+execution+id),
		".infra/ecr/sign-image", "test", image, id, bill, "REVISION="+commit)
}

// expecting leaves it to the pipeline to say what is expected of a provenance.
func (s *signing) expecting(other ...string) []string {
	return append(append([]string{"SIGNER=" + s.key}, s.environment...), other...)
}

func (s *signing) verify(t *testing.T, image string, other ...string) (stdout, stderr string, err error) {
	t.Helper()

	return runIn(t, testkit.Root(t), s.expecting(other...), ".infra/ecr/verify-image", "test", image)
}

func (s *signing) requireRefused(t *testing.T, image, want string, other ...string) {
	t.Helper()

	facts, complaint, err := s.verify(t, image, other...)
	require.Error(t, err)
	assert.Empty(t, facts)
	assert.Equal(t, "verify-image: "+image+" "+want, strings.TrimSuffix(complaint, "\n"))
}

func (s *signing) publicKey(t *testing.T) string {
	t.Helper()

	pem, complaint, err := runIn(t, "/bin", s.environment, "bash", "-c", "source '"+testkit.Root(t)+"/.infra/ecr/attestations.sh'; public_key "+s.key)
	require.NoError(t, err, complaint)

	file := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(file, []byte(pem+"\n"), 0o600))

	return file
}

// copyReferrers attaches to an image what another one carries, as whoever may write to a registry can.
func (s *signing) copyReferrers(t *testing.T, from, to string) {
	t.Helper()

	regctl, host := testkit.Tool(t, "regctl"), "reg="+strings.Split(s.repository, "/")[0]+",tls=disabled"
	run := func(input []byte, arguments ...string) []byte {
		command := exec.CommandContext(t.Context(), regctl, append([]string{"--host", host}, arguments...)...)
		command.Stdin = bytes.NewReader(input)

		output, err := command.Output()
		require.NoError(t, err)

		return output
	}

	const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"

	for digest := range strings.FieldsSeq(string(run(nil, "artifact", "list", "--format", "{{range .Descriptors}}{{println .Digest}}{{end}}", from))) {
		run(run(nil, "artifact", "get", s.repository+"@"+digest), "artifact", "put", "--artifact-type", bundle, "--file-media-type", bundle, "--subject", to)
	}
}
