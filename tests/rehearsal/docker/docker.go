// Package docker runs the Docker client.
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

// Command returns a docker command that is yet to run. Its builds use BuildKit.
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
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, strings.TrimSpace(stderr.String()))
	}

	return strings.TrimSpace(stdout.String()), nil
}

// RemoveContainers removes all containers that a filter of `docker ps` finds, such as label=… or ancestor=…, whatever they do.
func (e *Engine) RemoveContainers(ctx context.Context, filter string) error {
	found, err := e.Run(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", filter)
	if err != nil || found == "" {
		return err
	}

	_, err = e.Run(ctx, append([]string{"rm", "--force", "--volumes"}, strings.Fields(found)...)...)

	return err
}
