package rehearsal

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// toolboxManifest stands for the toolbox in the account's registry. Its layers are in this machine's Docker alone: pushing gigabytes that
// no machine pulls would show nothing.
const toolboxManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
	`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},` +
	`"layers":[]}`

// toolboxDigest is the toolbox's in the account's registry.
func toolboxDigest() string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(toolboxManifest))) }

// makeToolbox makes the image of the build machines, unless Docker has it.
func (e *Environment) makeToolbox(ctx context.Context) error {
	var err error
	if e.toolbox, err = proc.Script(ctx, e.options.Root, "toolbox"); err != nil {
		return err
	}

	e.removeCaches(ctx)

	if e.options.Cold {
		return nil // no machine gets it
	}

	return e.fillCache(ctx)
}

// fillCache begins the cache with what the toolbox has compiled, once. Docker would do it while it starts the first machine, and start
// the second, beside it, with a half of the files.
func (e *Environment) fillCache(ctx context.Context) error {
	_, err := e.engine.Run(ctx, "run", "--rm", "--label", e.engine.Label, "--volume", e.cache()+":/cache", e.toolbox, "flock", "/cache",
		"sh", "-ec", "[ -e /cache/filled ] || { cp -a /opt/toolbox/cache/. /cache && touch /cache/filled; }")

	return err
}

// cache is the volume of what build machines compile, one for each toolbox.
func (e *Environment) cache() string {
	_, tag, _ := strings.Cut(e.toolbox, ":")

	return imageName + "-cache-" + tag
}

// removeCaches removes those of older toolboxes, unless a rehearsal uses them.
func (e *Environment) removeCaches(ctx context.Context) {
	names, err := e.engine.Run(ctx, "volume", "ls", "--quiet", "--filter", "name="+imageName+"-cache-")
	if err != nil {
		return // the engine tells again when it is needed
	}

	for name := range strings.FieldsSeq(names) {
		if name != e.cache() {
			_, _ = e.engine.Run(ctx, "volume", "rm", name)
		}
	}
}

// pushToolbox has the toolbox in the account's registry, as the project that builds it does.
func (e *Environment) pushToolbox(ctx context.Context) error {
	_, err := ecr.NewFromConfig(e.admin.config()).PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String("cicd-" + Env + "-toolbox"), ImageManifest: aws.String(toolboxManifest), ImageTag: aws.String("rehearsal"),
	})
	if err != nil {
		return fmt.Errorf("push the toolbox: %w", err)
	}

	return nil
}

// pull gets the image of a build machine from the account's registry as the project's role, as CodeBuild does before a build.
func (i *identity) pull(ctx context.Context, image string) error {
	repository, digest, found := strings.Cut(path.Base(image), "@")
	if !found {
		return nil // one of CodeBuild's own
	}

	client := ecr.NewFromConfig(i.config())
	if _, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{}); err != nil {
		return fmt.Errorf("log in to pull %s: %w", image, err)
	}

	answer, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}},
	})
	if err != nil {
		return fmt.Errorf("pull %s: %w", image, err)
	}

	if len(answer.Images) == 0 {
		return fmt.Errorf("pull %s: it is not there", image)
	}

	return nil
}
