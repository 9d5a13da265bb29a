package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// Where things are in a build's container.
const (
	outputFolder = "/codebuild/output"
	stateFolder  = "/codebuild/rehearsal" // what one shell hands to the next
	repositoryAt = "/rehearsal/repository.git"

	buildShares = "256" // tasks have Docker's default, 1024
)

// container is the machine of a build: fresh, from the toolbox.
type container struct {
	in   *Environment
	name string
}

// startContainer starts a machine without state, with Docker for a privileged project alone.
func (e *Environment) startContainer(ctx context.Context, name string, project *codepipeline.Project) (*container, error) {
	arguments := []string{
		"run", "--detach", "--init", "--name", name, "--label", e.engine.Label, "--network", "host",
		"--cpu-shares", buildShares, // in AWS, a build takes no CPU from the tasks
		"--volume", e.commits.folder + ":" + repositoryAt + ":ro",
		"--tmpfs", "/codebuild:exec", "--tmpfs", "/tmp:exec", // up to 320 MB, when cold; a checkout takes half a second less than in a layer
	}

	arguments = append(arguments, e.hosts()...)

	// All machines share what they compile, beginning with what the toolbox has compiled. In AWS, each begins there.
	if !e.options.Cold {
		arguments = append(arguments, "--volume", e.cache()+":/opt/toolbox/cache")
	}

	if project.Privileged {
		arguments = append(arguments, "--volume", socket()+":/var/run/docker.sock")
	}

	started := &container{in: e, name: name}

	_, err := e.engine.Run(ctx, append(arguments, e.toolbox, "sleep", "infinity")...)
	if err == nil {
		err = started.trust(ctx)
	}

	return started, err
}

func (c *container) remove(ctx context.Context) error {
	_, err := c.in.engine.Run(context.WithoutCancel(ctx), "rm", "--force", "--volumes", c.name)

	return err
}

// Run runs a program in the container.
func (c *container) Run(ctx context.Context, variables map[string]string, output io.Writer, program ...string) error {
	arguments := []string{"exec"}
	for name := range variables {
		arguments = append(arguments, "--env", name) // its value must not show in a list of processes
	}

	command := c.in.engine.Command(ctx, slices.Concat(arguments, []string{c.name}, program)...)
	command.Stdout, command.Stderr = output, output

	// The client's own: a build's variables must not lead it to another engine.
	for name, value := range variables {
		if name != "HOME" && name != "PATH" {
			command.Env = append(command.Env, name+"="+value)
		}
	}

	return command.Run()
}

// Read writes the files of a folder to archive, as a tar.
func (c *container) Read(ctx context.Context, folder string, archive io.Writer) error {
	var complaint bytes.Buffer

	command := c.in.engine.Command(ctx, "exec", c.name, "tar", "-cC", folder, "--exclude=./.git", ".")
	command.Stdout, command.Stderr = archive, &complaint

	if err := command.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, complaint.String())
	}

	return nil
}

// clone puts the repository at a commit into a folder, as the primary source.
func (c *container) clone(ctx context.Context, commit, folder string) error {
	if _, err := c.in.engine.Run(ctx, "exec", c.name, "sh", "-ec", fmt.Sprintf(`
		mkdir -p %[1]s
		git -c safe.directory='*' clone --quiet --shared --no-checkout %[2]s %[3]s
		git -C %[3]s -c advice.detachedHead=false checkout --quiet %[4]s
		echo %[3]s >%[1]s/folder`, stateFolder, repositoryAt, folder, commit)); err != nil {
		return fmt.Errorf("clone the repository: %w", err)
	}

	return nil
}

// write puts files into a folder.
func (c *container) write(ctx context.Context, files fs.FS, folder string) error {
	var archive bytes.Buffer

	writer := tar.NewWriter(&archive)
	if err := errors.Join(writer.AddFS(files), writer.Close()); err != nil {
		return fmt.Errorf("pack files: %w", err)
	}

	_, err := c.in.engine.RunWith(ctx, &archive, "exec", "--interactive", c.name, "sh", "-ec", "mkdir -p "+folder+" && tar -xC "+folder)

	return err
}

// standIns are the variables that stand for what this machine does not have; see buildspec/README.md.
func (e *Environment) standIns() map[string]string {
	variables := map[string]string{
		"HOME": "/root", "IMAGE": e.image(), "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
	}

	// This machine's engine keeps what it has built; in AWS, each is new.
	variables["DOCKER_BUILD_FLAGS"] = ""
	if e.options.Cold {
		variables["DOCKER_BUILD_FLAGS"] = "--no-cache --build-arg BUILDKIT_CACHE_MOUNT_NS=" + e.id
	}

	if !e.vulnerabilities {
		variables["VULNERABILITIES_REQUIRED"] = ""
	}

	// The machine's own ways to the package registries.
	for _, name := range []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "GOPROXY", "GOSUMDB", "GONOSUMDB",
		"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
	} {
		if value, found := os.LookupEnv(name); found {
			variables[name] = value
		}
	}

	// The load balancer is on this machine, whatever its name says.
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		variables[name] = strings.TrimPrefix(variables[name]+","+e.direct(), ",")
	}

	return variables
}

// socket is that of this machine's Docker engine.
func socket() string {
	if path := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://"); path != "" {
		return path
	}

	return "/var/run/docker.sock"
}
