// Package registry runs an image registry on this machine: the one that .tools/registry.mod pins.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

const (
	startTimeout = 30 * time.Second
	pollInterval = 20 * time.Millisecond

	configuration = `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: %q } }
http: { addr: %q }
`
)

// Registry is a running registry. Everything in it is in its folder.
type Registry struct{ process *proc.Process }

// Start starts program on an address such as 127.0.0.1:5000 and waits until it answers. It ends with Stop.
func Start(ctx context.Context, program, address, folder string) (*Registry, error) {
	file := filepath.Join(folder, "config.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, folder, address), 0o600); err != nil {
		return nil, fmt.Errorf("write the registry's settings: %w", err)
	}

	process, err := proc.Start(exec.Command(program, "serve", file)) //nolint:noctx // it ends with Stop, after its users
	if err != nil {
		return nil, fmt.Errorf("start the registry: %w", err)
	}

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	if err = process.Await(ctx, pollInterval, func() error { return proc.Answers(ctx, http.DefaultClient, "http://"+address+"/v2/") }); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the registry: %w", err), process.Stop())
	}

	return &Registry{process: process}, nil
}

// Stop ends the registry.
func (r *Registry) Stop() error { return r.process.Stop() }
