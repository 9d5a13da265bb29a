package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// machine is what a rehearsal takes from the machine: paths of programs.
type machine struct {
	docker, terraform, python, haproxy, git, registry string
}

// look finds what a rehearsal needs. All that is missing is named at once, each with how to get it.
func look(ctx context.Context, root string) (*machine, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("a rehearsal reaches containers by their addresses, which only Linux lets it: run it there, for example in a virtual machine")
	}

	found := &machine{}

	var missing []error

	for _, need := range []struct {
		path  *string
		how   string
		names []string
	}{
		{&found.docker, "install Docker Engine 20.10 or newer, see https://docs.docker.com/engine/install", []string{"docker"}},
		{&found.terraform, "see https://developer.hashicorp.com/terraform/install", []string{"terraform"}},
		{&found.python, "install Python 3.10 or newer", []string{"python3"}},
		{&found.haproxy, proxy.How, proxy.Programs()},
		{&found.git, "apt-get install git", []string{"git"}},
	} {
		for _, name := range need.names {
			if path, err := exec.LookPath(name); err == nil && *need.path == "" {
				*need.path = path
			}
		}

		if *need.path == "" {
			missing = append(missing, fmt.Errorf("%s is missing: %s", need.names[0], need.how))
		}
	}

	if found.docker != "" {
		if err := exec.CommandContext(ctx, found.docker, "version").Run(); err != nil {
			missing = append(missing, errors.New("the Docker engine does not answer: start it, or see what `docker version` says"))
		}
	}

	if len(missing) != 0 {
		return nil, errors.Join(missing...)
	}

	var err error

	found.registry, err = tool(ctx, root, "registry")

	return found, err
}

// tool returns the path of a tool that .tools pins. Go builds it when it is used first.
func tool(ctx context.Context, root, name string) (string, error) {
	command := exec.CommandContext(ctx, "go", "tool", "-n", "-modfile="+filepath.Join(".tools", name+".mod"), name)
	command.Dir = root

	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("build the tool %s: %w", name, err)
	}

	return strings.TrimSpace(string(output)), nil
}

// reachable tells whether an address in the Internet answers.
func reachable(ctx context.Context, url string) bool {
	const patience = 5 * time.Second

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return false
	}

	response, err := http.DefaultClient.Do(request)

	return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
}
