package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"runtime"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// machine is what a rehearsal takes from the machine: paths of programs.
type machine struct {
	docker, terraform, python, registry string
}

// Requirements returns an error that names everything which a rehearsal needs and this machine lacks, each with how to get it.
func Requirements(ctx context.Context, root string) error {
	_, err := look(ctx, root)

	return err
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
		{new(string), "apt-get install git", []string{"git"}},
	} {
		path, err := proc.Find(need.names...)
		if err != nil {
			missing = append(missing, fmt.Errorf("%w: %s", err, need.how))
		}

		*need.path = path
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

	found.registry, err = proc.Tool(ctx, root, "registry")

	return found, err
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
