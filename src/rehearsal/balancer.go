package rehearsal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/clockmirror/clockmirror/src/rehearsal/ecs"
	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// sites are where the services of the environments are reached.
type sites struct {
	mutex sync.Mutex
	all   map[string]*site
}

// of is the site of an environment, made when it is first asked for.
func (s *sites) of(env string) *site {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	if s.all == nil {
		s.all = map[string]*site{}
	}

	if s.all[env] == nil {
		s.all[env] = &site{}
	}

	return s.all[env]
}

// list are the sites that there are by now.
func (s *sites) list() []*site {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	return slices.Collect(maps.Values(s.all))
}

// site is where the service of an environment is reached: by the names of its load balancer, and at the address that stands for
// it on this machine alone.
type site struct {
	mutex    sync.Mutex
	entrance ecs.Entrance
	address  string
	balancer *proxy.Balancer
}

func (s *site) set(entrance ecs.Entrance, balancer *proxy.Balancer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	s.entrance, s.address, s.balancer = entrance, balancer.Address(), balancer
}

// oneBox is the load balancer's other target group.
func (s *site) oneBox(header string) (*proxy.Balancer, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	switch {
	case header != proxy.OneBoxHeader:
		return nil, fmt.Errorf("a rule forwards requests with the header %s; a rehearsal knows %s", header, proxy.OneBoxHeader)
	case s.balancer == nil:
		return nil, fmt.Errorf("the load balancer of %s is not there yet", service)
	default:
		return s.balancer.OneBox(), nil
	}
}

func (s *site) get() (entrance ecs.Entrance, address string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	return s.entrance, s.address
}

// there tells whether there is a load balancer.
func (s *site) there() bool {
	_, address := s.get()

	return address != ""
}

// url is the service's, as the stack gives it out; only build machines resolve its name.
func (s *site) url() string {
	entrance, _ := s.get()
	if entrance.Domain != "" {
		return "https://" + entrance.Domain
	}

	return "http://" + entrance.DNSName
}

// dial is where this machine reaches the load balancer.
func (s *site) dial() string {
	entrance, address := s.get()
	if entrance.Domain != "" {
		return net.JoinHostPort(address, "443")
	}

	return net.JoinHostPort(address, "80")
}

// URL is that of the service in [Env]. Before there is a load balancer it names nothing.
func (e *Environment) URL() string { return e.sites.of(Env).url() }

// Client reaches the load balancer of [Env], whatever a URL's host is, and trusts its certificate.
func (e *Environment) Client() *http.Client {
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(e.authority.PEM()))

	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, e.sites.of(Env).dial())
		},
		TLSClientConfig:   &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}
}

// hosts are Docker's options for a container that shall find the load balancers by their names, as DNS lets it on AWS.
func (e *Environment) hosts() []string {
	var options []string

	for _, site := range e.sites.list() {
		entrance, address := site.get()
		for _, name := range []string{entrance.DNSName, entrance.Domain} {
			if name != "" {
				options = append(options, "--add-host", name+":"+address)
			}
		}
	}

	return options
}

// direct are the names that no proxy of the machine is asked for, in the form of NO_PROXY.
func (e *Environment) direct() string {
	names := []string{".elb.amazonaws.com"}

	for _, site := range e.sites.list() {
		if entrance, _ := site.get(); entrance.Domain != "" {
			names = append(names, entrance.Domain)
		}
	}

	return strings.Join(names, ",")
}

// startBalancer starts the load balancer of one service. The one for everybody has the ALB's names; the one box is behind that one.
func (e *Environment) startBalancer(
	ctx context.Context, of *ecs.Scheduler, entrance ecs.Entrance, settings proxy.Settings, log io.Writer,
) (*proxy.Balancer, error) {
	env := strings.TrimPrefix(of.Cluster, "app-")
	site := e.sites.of(env)

	if entrance.Header != "" {
		balancer, err := site.oneBox(entrance.Header)
		if err == nil {
			e.running.Go(func() { e.measure(ctx, env, of.Logs) })
		}

		return balancer, err
	}

	var err error

	if entrance.Domain != "" {
		if settings.Certificate, err = e.authority.Issue(entrance.Domain); err != nil {
			return nil, err
		}
	}

	balancer, err := proxy.Start(ctx, e.engine, of.Prefix+"-load-balancer-"+of.Service, settings, log)
	if err == nil && of.Service == service {
		site.set(entrance, balancer)
	}

	return balancer, err
}

// authorityFile has the certificate of the authority that this machine and its containers trust.
func (e *Environment) authorityFile() string { return filepath.Join(e.folder, "authority.crt") }

// makeAuthority makes the authority, and its file.
func (e *Environment) makeAuthority() error {
	var err error
	if e.authority, err = proxy.NewAuthority(); err != nil {
		return err
	}

	if err = os.WriteFile(e.authorityFile(), []byte(e.authority.PEM()), 0o644); err != nil { // read by any user of a container
		return fmt.Errorf("write the authority's certificate: %w", err)
	}

	return nil
}

// setting is a text in a file of variables.
var setting = regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*"([^"]*)"`)

// makeZone makes the hosted zone that a file of variables names, as a person has it before a domain is set.
func (e *Environment) makeZone(ctx context.Context, variables string) error {
	text, err := os.ReadFile(variables)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the environment's variables: %w", err)
	}

	found := map[string]string{}
	for _, match := range setting.FindAllStringSubmatch(string(text), -1) {
		found[match[1]] = match[2]
	}

	id, domain := found["hosted_zone_id"], found["domain_name"]
	if id == "" || domain == "" {
		return nil // the stack says what is missing
	}

	_, parent, _ := strings.Cut(domain, ".")

	if err = e.cloud.MakeZone(ctx, id, parent); err != nil {
		return fmt.Errorf("make the hosted zone of %s: %w", domain, err)
	}

	return nil
}

// trust has a container trust the authority: on AWS the certificate is one that all machines trust.
func (c *container) trust(ctx context.Context) error {
	if !slices.ContainsFunc(c.in.sites.list(), func(s *site) bool { return strings.HasPrefix(s.url(), "https:") }) {
		return nil
	}

	// Added to what the machine trusts already, which may be more than Debian's own list, from which update-ca-certificates makes it anew.
	_, err := c.in.engine.RunWith(ctx, strings.NewReader(c.in.authority.PEM()),
		"exec", "--interactive", c.name, "sh", "-c", "cat >>/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		return fmt.Errorf("trust the load balancer's certificate: %w", err)
	}

	return nil
}
