// Package proxy runs HAProxy in a container as a stand-in for an Application Load Balancer. It listens on ports 80 and 443, answers
// itself what an ALB answers itself, and is told over a control port what ECS tells an ALB.
package proxy

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/docker"
	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

const (
	controlPort  = 9999
	startTimeout = 30 * time.Second
	poll         = 20 * time.Millisecond
)

//go:embed Dockerfile
var dockerfile string

//go:embed haproxy.cfg.tmpl
var configuration string

// Image is the name of the load balancer's image, a plain Debian with HAProxy.
const Image = "clockmirror-load-balancer"

// OneBoxHeader is what a request carries that asks for the one box.
const OneBoxHeader = "X-One-Box"

// The target groups: the one for everybody, and the one box's.
const (
	everyone = "api"
	oneBox   = "onebox"
)

// Settings are those of a listener and its target group.
type Settings struct {
	// Path is what the health check asks for, such as /readyz; 200 is healthy.
	Path string
	// Interval lies between two checks of a target. Timeout is how long a check and a connection may take.
	Interval, Timeout time.Duration
	// Healthy and Unhealthy are how many checks in a row let a target in, and take it out.
	Healthy, Unhealthy int
	// LeastOutstanding gives each request to the target with the fewest; otherwise they take turns.
	LeastOutstanding bool
	// Certificate is a certificate with its key, in PEM. With one, port 443 serves and port 80 redirects to it.
	Certificate string
}

// Balancer is a running HAProxy without targets, until some are registered: in one target group, or as OneBox in another.
type Balancer struct {
	pool     string
	settings Settings
	engine   *docker.Engine
	name     string
	address  string
	process  *proc.Process
}

// Start starts HAProxy in a container of that name. log takes what it prints: a line for each request, and changes of health. It
// ends with Stop.
func Start(ctx context.Context, engine *docker.Engine, name string, settings Settings, log io.Writer) (*Balancer, error) {
	text, err := render(settings)
	if err != nil {
		return nil, err
	}

	if err = BuildImage(ctx, engine); err != nil {
		return nil, err
	}

	b := &Balancer{pool: everyone, settings: settings, engine: engine, name: name}

	// It outlives ctx and ends with Stop.
	command := engine.Command(context.WithoutCancel(ctx), "run", "--rm", "--name", name, "--label", engine.Label,
		"--env", "CONFIGURATION", "--env", "CERTIFICATE", Image)
	command.Env = append(command.Env, "CONFIGURATION="+text, "CERTIFICATE="+settings.Certificate)
	command.Stdout, command.Stderr = log, log

	if b.process, err = proc.Start(command); err != nil {
		return nil, fmt.Errorf("start HAProxy: %w", err)
	}

	limited, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	if err = b.process.Await(limited, poll, func() error { return b.reach(limited) }); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for HAProxy, whose log may say more: %w", err), b.Stop(context.WithoutCancel(ctx)))
	}

	return b, nil
}

// BuildImage makes the load balancer's image.
func BuildImage(ctx context.Context, engine *docker.Engine) error {
	if _, err := engine.RunWith(ctx, strings.NewReader(dockerfile), "build", "--quiet", "--tag", Image, "-"); err != nil {
		return fmt.Errorf("build the load balancer's image: %w", err)
	}

	return nil
}

func render(settings Settings) (string, error) {
	parsed, err := template.New("haproxy.cfg").Parse(configuration)
	if err != nil {
		return "", fmt.Errorf("read HAProxy's configuration: %w", err)
	}

	var text bytes.Buffer

	err = parsed.Execute(&text, struct {
		Settings

		ControlPort                    int
		Everyone, OneBox, OneBoxHeader string
		Pools                          []string
	}{settings, controlPort, everyone, oneBox, OneBoxHeader, []string{everyone, oneBox}})
	if err != nil {
		return "", fmt.Errorf("write HAProxy's configuration: %w", err)
	}

	return text.String(), nil
}

// reach learns the container's address, and returns an error unless HAProxy takes commands there.
func (b *Balancer) reach(ctx context.Context) error {
	address, err := b.engine.Address(ctx, b.name)
	if err != nil {
		return err
	}

	b.address = address
	_, err = b.tell("show version")

	return err
}

// Address is the IP address at which it listens, reachable from this machine and from its containers.
func (b *Balancer) Address() string { return b.address }

// OneBox is the same load balancer with the target group of the one box, which checks its targets as the other does. Stopping it stops
// nothing.
func (b *Balancer) OneBox() *Balancer {
	return &Balancer{pool: oneBox, settings: b.settings, engine: b.engine, name: b.name, address: b.address}
}

// Share has the one box get so many percent of the requests that do not ask for it.
func (b *Balancer) Share(percent int) error {
	return b.order("experimental-mode on; set var proc.share int(%d)", percent)
}

// Stop ends HAProxy, and cuts what it serves.
func (b *Balancer) Stop(ctx context.Context) error {
	if b.process == nil {
		return nil
	}

	_, err := b.engine.Run(ctx, "rm", "--force", b.name)

	return errors.Join(err, b.process.Stop())
}

// tell sends a command and returns the answer.
func (b *Balancer) tell(format string, arguments ...any) (string, error) {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort(b.address, strconv.Itoa(controlPort)), startTimeout) //nolint:noctx // local
	if err != nil {
		return "", fmt.Errorf("reach HAProxy: %w", err)
	}

	defer func() { _ = connection.Close() }()

	if _, err = fmt.Fprintf(connection, format+"\n", arguments...); err != nil {
		return "", fmt.Errorf("send HAProxy a command: %w", err)
	}

	answer, err := io.ReadAll(connection)
	if err != nil {
		return "", fmt.Errorf("read HAProxy's answer: %w", err)
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
	answer, err := b.tell("add server %s/%s %s check inter %dms rise %d fall %d", b.pool, name, address,
		b.settings.Interval.Milliseconds(), b.settings.Healthy, b.settings.Unhealthy)
	if err == nil && !strings.Contains(answer, "New server registered") {
		err = fmt.Errorf("HAProxy does not register %s: %s", name, answer)
	}

	// HAProxy takes a new server for healthy until a check fails; an ALB does not. So it comes in without traffic, is
	// declared down, and only then may get traffic.
	for _, command := range []string{"enable health %s/%s", "set server %s/%s state drain", "set server %s/%s health down", "set server %s/%s state ready"} {
		if err == nil {
			err = b.order(command, b.pool, name)
		}
	}

	return err
}

// Deregister lets a target finish the requests that it has, and gives it no more.
func (b *Balancer) Deregister(name string) error {
	return b.order("set server %s/%s state drain", b.pool, name)
}

// Forget removes a target at the end of its deregistration delay: requests that it still has are cut, as an ALB cuts them.
func (b *Balancer) Forget(name string) error {
	return errors.Join(b.order("set server %s/%s state maint", b.pool, name), b.order("shutdown sessions server %s/%s", b.pool, name))
}

// Health tells whether a target passes its checks. A target that is not registered is an error.
func (b *Balancer) Health(name string) (bool, error) {
	healths, err := b.Healths()
	if err != nil {
		return false, err
	}

	passes, known := healths[name]
	if !known {
		return false, fmt.Errorf("HAProxy does not know %s", name)
	}

	return passes, nil
}

// Healths tells of every target whether it passes its checks.
func (b *Balancer) Healths() (map[string]bool, error) {
	const (
		nameField, stateField = 3, 5
		running               = "2"
	)

	table, err := b.tell("show servers state %s", b.pool)
	if err != nil {
		return nil, err
	}

	found := map[string]bool{}

	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > stateField && !strings.HasPrefix(line, "#") {
			found[fields[nameField]] = fields[stateField] == running
		}
	}

	return found, nil
}
