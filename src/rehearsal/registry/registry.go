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
type Registry struct {
	process *exec.Cmd
	ended   chan struct{}
}

// Start starts program on an address such as 127.0.0.1:5000 and waits until it answers. It ends with Stop.
func Start(ctx context.Context, program, address, folder string) (*Registry, error) {
	file := filepath.Join(folder, "config.yml")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, folder, address), 0o600); err != nil {
		return nil, fmt.Errorf("write the registry's settings: %w", err)
	}

	r := &Registry{process: exec.Command(program, "serve", file), ended: make(chan struct{})} //nolint:noctx // it ends with Stop, after who uses it
	if err := r.process.Start(); err != nil {
		return nil, fmt.Errorf("start the registry: %w", err)
	}

	go func() {
		_ = r.process.Wait() // killed, so it does not end well
		close(r.ended)
	}()

	if err := r.wait(ctx, "http://"+address+"/v2/"); err != nil {
		return nil, errors.Join(err, r.Stop())
	}

	return r, nil
}

func (r *Registry) wait(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("ask the registry: %w", err)
		}

		response, err := http.DefaultClient.Do(request)
		if err == nil {
			return response.Body.Close()
		}

		select {
		case <-r.ended:
			return errors.New("the registry ended at its start")
		case <-ctx.Done():
			return fmt.Errorf("wait for the registry: %w", err)
		case <-time.After(pollInterval):
		}
	}
}

// Stop ends the registry.
func (r *Registry) Stop() error {
	err := r.process.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}

	<-r.ended

	return err
}
