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
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// Where things are in a build's container.
const (
	outputFolder  = "/codebuild/output"
	stateFolder   = "/codebuild/rehearsal" // what one shell hands to the next
	repositoryAt  = "/rehearsal/repository.git"
	providersAt   = "/rehearsal/providers"
	terraformRcAt = "/rehearsal/terraform.rc"

	buildShares = "256" // tasks have Docker's default, 1024
)

// container is the machine of a build: fresh, but for what is cached.
type container struct {
	in   *Environment
	name string
}

// startContainer starts a machine without state, with Docker for a privileged project alone.
func (e *Environment) startContainer(ctx context.Context, name string, project *codepipeline.Project, spec *codebuild.Spec) (*container, error) {
	arguments := []string{
		"run", "--detach", "--init", "--name", name, "--label", e.engine.Label, "--network", "host",
		"--cpu-shares", buildShares, // in AWS, a build takes no CPU from the tasks
		"--volume", e.commits.folder + ":" + repositoryAt + ":ro",
		"--volume", e.machine.terraform + ":/usr/local/bin/terraform:ro",
	}

	lent, err := e.terraform()
	if err != nil {
		return nil, err
	}

	arguments = slices.Concat(arguments, lent, e.hosts())

	// All projects share what each of them could keep: caches of Go and Python hold whatever is asked for.
	if project.Cached {
		for _, pattern := range spec.Cache.Paths {
			folder, _ := doublestar.SplitPattern(pattern)
			arguments = append(arguments, "--volume", imageName+"-cache"+strings.ReplaceAll(folder, "/", "-")+":"+folder)
		}
	}

	if project.Privileged {
		arguments = append(arguments, e.docker()...)
	}

	started := &container{in: e, name: name}
	if _, err = e.engine.Run(ctx, append(arguments, machineImage, "sleep", "infinity")...); err == nil {
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
		git -c safe.directory='*' clone --quiet --no-checkout %[2]s %[3]s
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
		"HOME": "/root", "IMAGE": e.image(), "TF_CLI_CONFIG_FILE": terraformRcAt, "CHECKPOINT_DISABLE": "1", "DOCKER_BUILDKIT": "1",
		"BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
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

// terraform lends containers the providers that Terraform has on this machine.
func (e *Environment) terraform() ([]string, error) {
	providers, err := e.stacks.providers()
	if err != nil {
		return nil, err
	}

	var arguments, names []string

	for at, folder := range providers {
		arguments = append(arguments, "--volume", folder+":"+path.Join(providersAt, at)+":ro")
		names = append(names, fmt.Sprintf("%q", path.Join(strings.Split(at, "/")[:3]...)))
	}

	file := filepath.Join(e.folder, "terraform.rc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n  direct {\n    exclude = [%s]\n  }\n}\n",
		providersAt, strings.Join(names, ", "))

	if err = os.WriteFile(file, []byte(text), 0o644); err != nil { // read by any user of a container
		return nil, fmt.Errorf("write Terraform's settings: %w", err)
	}

	return append(arguments, "--volume", file+":"+terraformRcAt+":ro"), nil
}

// docker lends a container this machine's Docker: client, plugins and engine.
func (e *Environment) docker() []string {
	arguments := []string{"--volume", e.machine.docker + ":/usr/local/bin/docker:ro"}

	if program, err := filepath.EvalSymlinks(e.machine.docker); err == nil {
		arguments[1] = program + ":/usr/local/bin/docker:ro"
	}

	home, _ := os.UserHomeDir()
	for _, plugins := range []string{
		filepath.Join(home, ".docker/cli-plugins"), "/usr/local/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins",
	} {
		if _, err := os.Stat(plugins); err == nil {
			arguments = append(arguments, "--volume", plugins+":/usr/local/lib/docker/cli-plugins:ro")

			break
		}
	}

	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket = "/var/run/docker.sock"
	}

	return append(arguments, "--volume", socket+":/var/run/docker.sock")
}
