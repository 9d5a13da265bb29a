// Package proxy runs HAProxy on this machine as a stand-in for an Application Load Balancer: as strict as one, and told
// over its socket what ECS tells an ALB.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// How is where HAProxy comes from, for people who lack it.
const How = "apt-get install haproxy"

// Programs are the names under which HAProxy is found; on Debian it is not on everybody's PATH.
func Programs() []string { return []string{"haproxy", "/usr/sbin/haproxy"} }

// startTimeout bounds the wait for HAProxy's socket.
const startTimeout = 10 * time.Second

const pollInterval = 10 * time.Millisecond

// configuration: a request that fails at one server is not tried at another, and any request may go over a connection that
// has been used. Everything else is the target group's.
const configuration = `
global
  log stdout format raw local0
  stats socket %[1]s mode 600 level admin

defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  retries 0
  timeout connect %[3]dms
  timeout client 60s
  timeout server 60s

frontend load
  bind %[2]s
  default_backend api

backend api
  balance %[5]s
  http-reuse always
  option httpchk GET %[4]s
  http-check expect status 200
`

// Settings are those of a target group.
type Settings struct {
	// Path is what the health check asks for, such as /readyz; 200 is healthy.
	Path string
	// Interval lies between two checks of a target. Timeout is how long a check and a connection may take.
	Interval, Timeout time.Duration
	// Healthy and Unhealthy are how many checks in a row let a target in, and take it out.
	Healthy, Unhealthy int
	// LeastOutstanding gives each request to the target with the fewest; otherwise they take turns.
	LeastOutstanding bool
}

// Balancer is a running HAProxy without targets, until some are registered.
type Balancer struct {
	settings Settings
	folder   string
	process  *proc.Process
}

// Start starts program, an HAProxy, on an address such as 127.0.0.1:8080. log takes what it prints: requests that failed, and
// changes of health. It ends with Stop.
func Start(ctx context.Context, program, address string, settings Settings, log io.Writer) (*Balancer, error) {
	folder, err := os.MkdirTemp("", "balancer") // the path of a socket has to be short
	if err != nil {
		return nil, fmt.Errorf("make a folder for HAProxy: %w", err)
	}

	b := &Balancer{settings: settings, folder: folder}
	file := filepath.Join(folder, "haproxy.cfg")

	algorithm := "roundrobin"
	if settings.LeastOutstanding {
		algorithm = "leastconn"
	}

	text := fmt.Sprintf(configuration, b.socket(), address, settings.Timeout.Milliseconds(), settings.Path, algorithm)
	if err = os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write HAProxy's settings: %w", err), os.RemoveAll(folder))
	}

	command := exec.Command(program, "-db", "-f", file) //nolint:noctx // it ends with Stop, after what it serves
	command.Stdout, command.Stderr = log, log

	if b.process, err = proc.Start(command); err != nil {
		return nil, errors.Join(fmt.Errorf("start HAProxy: %w", err), os.RemoveAll(folder))
	}

	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	if err = b.process.Await(ctx, pollInterval, func() error {
		_, err := b.tell("show info")

		return err
	}); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for HAProxy, whose log may say more: %w", err), b.Stop())
	}

	return b, nil
}

func (b *Balancer) socket() string { return filepath.Join(b.folder, "socket") }

// Stop ends HAProxy, and cuts what it serves.
func (b *Balancer) Stop() error {
	return errors.Join(b.process.Stop(), os.RemoveAll(b.folder))
}

// tell sends a command and returns the answer.
func (b *Balancer) tell(format string, arguments ...any) (string, error) {
	connection, err := net.Dial("unix", b.socket()) //nolint:noctx // local
	if err != nil {
		return "", fmt.Errorf("reach HAProxy: %w", err)
	}

	defer func() { _ = connection.Close() }()

	if _, err = fmt.Fprintf(connection, format+"\n", arguments...); err != nil {
		return "", fmt.Errorf("tell HAProxy: %w", err)
	}

	answer, err := io.ReadAll(connection)
	if err != nil {
		return "", fmt.Errorf("hear HAProxy: %w", err)
	}

	return strings.TrimSpace(string(answer)), nil
}

// order sends a command that is answered with nothing.
func (b *Balancer) order(format string, arguments ...any) error {
	answer, err := b.tell(format, arguments...)
	if err == nil && answer != "" {
		err = fmt.Errorf("HAProxy refuses %q: %s", fmt.Sprintf(format, arguments...), answer)
	}

	return err
}

// Register adds a target, which gets no request before it has passed its checks.
func (b *Balancer) Register(name, address string) error {
	answer, err := b.tell("add server api/%s %s check inter %dms rise %d fall %d", name, address,
		b.settings.Interval.Milliseconds(), b.settings.Healthy, b.settings.Unhealthy)
	if err == nil && !strings.Contains(answer, "New server registered") {
		err = fmt.Errorf("HAProxy does not register %s: %s", name, answer)
	}

	// HAProxy takes a new server for healthy until a check fails; an ALB does not. So it comes in without traffic, is
	// declared down, and only then may get traffic.
	for _, command := range []string{"enable health api/%s", "set server api/%s state drain", "set server api/%s health down", "set server api/%s state ready"} {
		if err == nil {
			err = b.order(command, name)
		}
	}

	return err
}

// Deregister lets a target finish the requests that it has, and gives it no more.
func (b *Balancer) Deregister(name string) error {
	return b.order("set server api/%s state drain", name)
}

// Forget ends the checks of a target that is gone.
func (b *Balancer) Forget(name string) error { return b.order("set server api/%s state maint", name) }

// Health tells whether a target passes its checks. A target that is not registered is an error.
func (b *Balancer) Health(name string) (bool, error) {
	const (
		nameField, stateField = 3, 5
		running               = "2"
	)

	table, err := b.tell("show servers state api")
	if err != nil {
		return false, err
	}

	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > stateField && fields[nameField] == name {
			return fields[stateField] == running, nil
		}
	}

	return false, fmt.Errorf("HAProxy does not know %s", name)
}
