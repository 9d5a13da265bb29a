// Package docker runs the Docker client: for a rehearsal, and for tests of containers.
package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Engine is the Docker engine that this machine's client talks to.
type Engine struct {
	// Program is the path of the client.
	Program string
	// Label marks all that a rehearsal starts, such as clockmirror.rehearsal=abc, so that it can be found and removed.
	Label string
}

// Command returns a docker command that is yet to run. Its builds use BuildKit, and make images without provenance: that has
// the time of the build in it.
func (e *Engine) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, e.Program, arguments...)

	command.Env = append(os.Environ(), "DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1")

	return command
}

// Run runs docker and returns what it prints on its standard output, without space around it.
func (e *Engine) Run(ctx context.Context, arguments ...string) (string, error) {
	return e.RunWith(ctx, nil, arguments...)
}

// RunWith runs docker with something on its standard input.
func (e *Engine) RunWith(ctx context.Context, stdin io.Reader, arguments ...string) (string, error) {
	var stdout, stderr bytes.Buffer

	command := e.Command(ctx, arguments...)
	command.Stdin, command.Stdout, command.Stderr = stdin, &stdout, &stderr

	if err := command.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, strings.TrimSpace(stdout.String()+stderr.String()))
	}

	return strings.TrimSpace(stdout.String()), nil
}

// Address returns the address that a running container has on its network, which this host reaches on Linux.
func (e *Engine) Address(ctx context.Context, container string) (string, error) {
	address, err := e.Run(ctx, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)
	if err == nil && address == "" {
		err = fmt.Errorf("the container %s does not run", container)
	}

	return address, err
}

// RemoveContainers removes all containers that a filter of `docker ps` finds, such as label=…, running or not.
func (e *Engine) RemoveContainers(ctx context.Context, filter string) error {
	return e.remove(ctx, "container", []string{"ps", "--all", "--no-trunc", "--filter", filter, "--format", "{{.ID}}"}, "")
}

// RemoveContainersOf removes all containers that were started from an image by this name, and none that were started
// by another name of the same image.
func (e *Engine) RemoveContainersOf(ctx context.Context, image string) error {
	return e.remove(ctx, "container", []string{"ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Image}}"}, image)
}

// RemoveImages removes the names that match a pattern, such as 127.0.0.1:5000/*; an image that has others stays.
func (e *Engine) RemoveImages(ctx context.Context, pattern string) error {
	for _, format := range []string{"{{.Repository}}:{{.Tag}}", "{{.Repository}}@{{.Digest}}"} {
		if err := e.remove(ctx, "image", []string{"image", "ls", "--digests", "--filter", "reference=" + pattern, "--format", format}, ""); err != nil {
			return err
		}
	}

	return nil
}

// remove removes what a listing has in its first column; with a second word, only where the second column is that.
func (e *Engine) remove(ctx context.Context, kind string, listing []string, second string) error {
	listed, err := e.Run(ctx, listing...)
	if err != nil {
		return err
	}

	var found []string

	for line := range strings.Lines(listed) {
		fields := strings.Fields(line)
		if len(fields) > 0 && !strings.Contains(fields[0], "<none>") && (second == "" || len(fields) > 1 && fields[1] == second) {
			found = append(found, fields[0])
		}
	}

	if len(found) == 0 {
		return nil
	}

	_, err = e.Run(ctx, append([]string{kind, "rm", "--force"}, found...)...)

	return err
}
