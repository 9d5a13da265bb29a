package testkit

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// ImageVariable names an image to test in place of one that the test builds.
const ImageVariable = "CLOCKMIRROR_IMAGE"

// removal limits the clean-up after a test. A volume with a build cache is gigabytes of small files: under load on the disk that takes
// more than a minute.
const removal = 5 * time.Minute

// Engine is a running Docker engine, for a test.
type Engine struct{ *docker.Engine }

// Docker returns the Docker engine of this machine, or ends the test as Missing does.
func Docker(tb testing.TB) *Engine {
	tb.Helper()

	const how = "install Docker Engine 20.10 or newer and start it, see https://docs.docker.com/engine/install"

	engine := &Engine{Engine: &docker.Engine{Program: Program(tb, how, "docker"), Label: "clockmirror.test"}}
	if _, err := engine.Engine.Run(tb.Context(), "version"); err != nil {
		Missing(tb, "a running Docker engine", how)
	}

	return engine
}

// Run runs docker and returns its trimmed standard output.
func (e *Engine) Run(tb testing.TB, arguments ...string) string {
	tb.Helper()

	output, err := e.Engine.Run(tb.Context(), arguments...)
	require.NoError(tb, err)

	return output
}

// Unique returns a name for an image or a container that no other test has.
func Unique() string { return "clockmirror-test-" + strings.ToLower(rand.Text()[:10]) }

// Toolbox returns the name of the toolbox, or ends the test as Missing does.
func (e *Engine) Toolbox(tb testing.TB) string {
	tb.Helper()

	name, err := proc.Script(tb.Context(), Root(tb), "toolbox", "--name")
	require.NoError(tb, err)

	if _, err = e.Engine.Run(tb.Context(), "image", "inspect", name); err != nil {
		Missing(tb, "the toolbox "+name, "make toolbox")
	}

	return name
}

// Image returns the image under test: the one that CLOCKMIRROR_IMAGE names, or else one that is built now and removed
// when the test ends.
func (e *Engine) Image(tb testing.TB) string {
	tb.Helper()

	if image := os.Getenv(ImageVariable); image != "" {
		e.Run(tb, "image", "inspect", image)

		return image
	}

	return e.Build(tb)
}

// Build makes an image as `make image` does, with additional variables, and returns its name. The image is removed when
// the test ends.
func (e *Engine) Build(tb testing.TB, variables ...string) string {
	tb.Helper()

	image := Unique()
	e.RemoveAfter(tb, "image", image)

	Run(tb, Root(tb), "env", append([]string{"BUILDX_NO_DEFAULT_ATTESTATIONS=1", "make", "image", "IMAGE=" + image}, variables...)...)

	return image
}

// Start starts a container with no more rights than the service needs, and returns its name. It is removed when the test
// ends.
func (e *Engine) Start(tb testing.TB, image string, options ...string) string {
	tb.Helper()

	name := Unique()
	e.RemoveAfter(tb, "container", name)

	arguments := slices.Concat([]string{
		"run", "--detach", "--name", name, "--memory", "64m",
		"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
	}, options, []string{image})
	e.Run(tb, arguments...)

	return name
}

// RemoveAfter removes an image or a container in any state when the test ends.
func (e *Engine) RemoveAfter(tb testing.TB, kind, name string) {
	tb.Helper()

	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), removal)
		defer cancel()

		if output, err := e.Engine.Run(ctx, kind, "rm", "--force", name); err != nil && !strings.Contains(err.Error(), "No such") {
			tb.Errorf("remove %s %s: %v %s", kind, name, err, output)
		}
	})
}

// Inspect returns a property of a container; the template is that of `docker inspect --format`.
func (e *Engine) Inspect(tb testing.TB, name, template string) string {
	tb.Helper()

	return e.Run(tb, "inspect", "--format", template, name)
}

// Address returns a container's address on its network. On Linux this host can reach it.
func (e *Engine) Address(tb testing.TB, name string) string {
	tb.Helper()

	address, err := e.Engine.Address(tb.Context(), name)
	require.NoError(tb, err)

	return address
}

// Published returns the address on this host at which a container's port is published.
func (e *Engine) Published(tb testing.TB, name, port string) string {
	tb.Helper()

	first, _, _ := strings.Cut(e.Run(tb, "port", name, port), "\n")

	return first
}

// Wait waits for the end of a container, and returns its exit code.
func (e *Engine) Wait(tb testing.TB, name string, patience time.Duration) string {
	tb.Helper()

	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()

	code, err := e.Engine.Run(ctx, "wait", name)
	require.NoError(tb, err, "still running after %s", patience)

	return code
}

// Logs returns what a container has written.
func (e *Engine) Logs(tb testing.TB, name string) string {
	tb.Helper()

	output, err := e.Command(tb.Context(), "logs", name).CombinedOutput()
	require.NoError(tb, err, string(output))

	return string(output)
}
