// Package balancer_test holds the HTTP contract of the image against a stand-in for an Application Load Balancer, at URLs as AWS gives
// them out: a name without a port, by HTTP, or a domain by HTTPS.
package balancer_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	albName = "app-prod-1.eu-west-1.elb.amazonaws.com"
	domain  = "clock.example.com"
)

func TestContractBehindALB(t *testing.T) {
	if runtime.GOOS != "linux" {
		testkit.Missing(t, "a host that reaches containers by their addresses", "run this on Linux")
	}

	docker := testkit.Docker(t)
	service := docker.Start(t, docker.Image(t))

	authority, err := proxy.NewAuthority()
	require.NoError(t, err)

	certificate, err := authority.Issue(domain)
	require.NoError(t, err)

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ca.pem"), []byte(authority.PEM()), 0o644))
	// A program that needs nothing beside it.
	testkit.Run(t, testkit.Root(t), "env", "CGO_ENABLED=0", "go", "test", "-c", "-tags", "nomsgpack", "-o", filepath.Join(folder, "api.test"), "./tests/service/api")

	for name, test := range map[string]struct {
		certificate string
		urls        []string
	}{
		"without a domain": {"", []string{"http://" + albName, "http://" + albName + ":80/"}},
		"with a domain":    {certificate, []string{"https://" + domain, "https://" + domain + ":443/"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			balancer := start(t, docker, service, test.certificate)

			for _, url := range test.urls {
				t.Run(url, func(t *testing.T) {
					docker.Run(t, "run", "--rm", "--volume", folder+":/tests:ro", "--env", "SSL_CERT_FILE=/tests/ca.pem", "--env", "CLOCKMIRROR_URL="+url,
						"--add-host", albName+":"+balancer.Address(), "--add-host", domain+":"+balancer.Address(), proxy.Image, "/tests/api.test", "-test.count=1")
				})
			}
		})
	}
}

// start starts a load balancer in front of a container, and waits until it serves.
func start(t *testing.T, docker *testkit.Engine, service, certificate string) *proxy.Balancer {
	t.Helper()

	balancer, err := proxy.Start(t.Context(), docker.Engine, testkit.Unique(), proxy.Settings{
		Path: "/readyz", Interval: time.Second, Timeout: time.Second, Healthy: 1, Unhealthy: 10, Certificate: certificate,
	}, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, balancer.Stop(context.WithoutCancel(t.Context()))) })

	require.NoError(t, balancer.Register("service", docker.Address(t, service)+":8080"))
	testkit.Until(t, func() bool {
		passes, err := balancer.Health("service")

		return err == nil && passes
	}, service+" does not get healthy")

	return balancer
}
