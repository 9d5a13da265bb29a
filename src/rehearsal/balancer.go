package rehearsal

import (
	"context"
	"io"
	"sync"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

// site is where the service of the environment is reached: the DNS name of its load balancer, and the address that stands for
// it on this machine alone.
type site struct {
	mutex         sync.Mutex
	name, address string
}

func (s *site) set(name, address string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	s.name, s.address = name, address
}

func (s *site) get() (name, address string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()

	return s.name, s.address
}

// URL is the load balancer's, as AWS gives it out; only build machines resolve its name. Before there is a load balancer it
// names nothing.
func (e *Environment) URL() string {
	name, _ := e.site.get()

	return "http://" + name
}

// Address is where this machine reaches the load balancer.
func (e *Environment) Address() string {
	_, address := e.site.get()

	return address + ":80"
}

// hosts are Docker's options for a container that shall find the load balancer by its name, as DNS lets it on AWS.
func (e *Environment) hosts() []string {
	name, address := e.site.get()
	if name == "" {
		return nil
	}

	return []string{"--add-host", name + ":" + address}
}

// startBalancer starts the load balancer of one service. The one for everybody has the ALB's name.
func (e *Environment) startBalancer(ctx context.Context, of, dnsName string, settings proxy.Settings, log io.Writer) (*proxy.Balancer, error) {
	balancer, err := proxy.Start(ctx, e.engine, imageName+"-"+e.id+"-load-balancer-"+of, settings, log)
	if err == nil && of == service {
		e.site.set(dnsName, balancer.Address())
	}

	return balancer, err
}
