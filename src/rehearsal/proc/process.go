// Package proc starts, waits for and stops processes, and finds what they need: ports, programs, Python packages, Git without a
// user's settings.
package proc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"
)

// Process is a running program with all that it has started: a process group of its own.
type Process struct {
	command *exec.Cmd
	done    chan struct{}
	err     error
}

// Start starts a command.
func Start(command *exec.Cmd) (*Process, error) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Path, err)
	}

	p := &Process{command: command, done: make(chan struct{})}

	go func() {
		p.err = command.Wait()
		close(p.done)
	}()

	return p, nil
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the program has ended, and returns its error as [exec.Cmd.Wait] does.
func (p *Process) Wait() error {
	<-p.done

	return p.err
}

// Signal sends a signal to the process group; one that has ended gets none.
func (p *Process) Signal(signal syscall.Signal) error {
	if err := syscall.Kill(-p.command.Process.Pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to %s: %w", signal, p.command.Path, err)
	}

	return nil
}

// Stop kills the process group, and waits for its end.
func (p *Process) Stop() error {
	err := p.Signal(syscall.SIGKILL)
	<-p.done

	return err
}

// End asks the process group to end with a signal, and kills it if it has not ended in time, which is an error.
func (p *Process) End(signal syscall.Signal, patience time.Duration) error {
	if err := p.Signal(signal); err != nil {
		return err
	}

	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("%s still runs %s after %s", p.command.Path, patience, signal), p.Stop())
	}
}

// Await waits as [Await] does, but not longer than the program runs.
func (p *Process) Await(ctx context.Context, pause time.Duration, try func() error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	go func() {
		select {
		case <-p.done:
			cancel(fmt.Errorf("%s ended: %w", p.command.Path, p.err))
		case <-ctx.Done():
		}
	}()

	return Await(ctx, pause, try)
}

// Await calls try until it returns nil, with a pause after each call. If ctx ends first, the error is why, with try's last error.
func Await(ctx context.Context, pause time.Duration, try func() error) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()

	for {
		err := try()
		if err == nil {
			return nil
		}

		timer.Reset(pause)

		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-timer.C:
		}
	}
}

// Answers returns an error unless a URL answers a client with 200.
func Answers(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}

	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}

	if err = response.Body.Close(); err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}

	if err != nil {
		return fmt.Errorf("%s answers: %w", url, err)
	}

	return nil
}
