// Package customers_test runs one container per customer, all of one image, behind a proxy that routes by host name, as the
// load balancer does.
package customers_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// customer is one container's settings.
type customer struct {
	name, host, greeting string
	options              []string
}

func customers() []customer {
	return []customer{
		{"A", "customer-a.example.com", "Hi!", nil},
		{"B", "customer-b.example.com", "Dear Sir or Madam!", nil},
		{"C", "customer-c.example.com", "Moin!", nil},
		// A new customer needs new settings, and no new image.
		{"D", "customer-d.example.com", "Gude!", []string{"--env", `GREETINGS={"D":"Gude!"}`}},
	}
}

func TestCustomers(t *testing.T) {
	docker := testkit.Docker(t)
	image := docker.Image(t)

	t.Run("each has its greeting", func(t *testing.T) { testGreetings(t, docker, image) })
	t.Run("an unknown customer is refused", func(t *testing.T) { testUnknown(t, docker, image) })
}

func testGreetings(t *testing.T, docker *testkit.Engine, image string) {
	t.Helper()

	curl := testkit.Program(t, "apt-get install curl", "curl")

	var backends, routes strings.Builder

	for _, customer := range customers() {
		options := append([]string{"--publish", "127.0.0.1::8080", "--env", "CUSTOMER_NAME=" + customer.name}, customer.options...)

		container := docker.Start(t, image, options...)

		fmt.Fprintf(&routes, "  use_backend %s if { req.hdr(host),field(1,:) -i %s }\n", customer.name, customer.host)
		fmt.Fprintf(&backends, "backend %s\n  server %s %s\n", customer.name, container, docker.Published(t, container, "8080"))
	}

	proxy := startProxy(t, routes.String(), backends.String())

	for _, customer := range customers() {
		arguments := []string{"--silent", "--show-error", "--fail-with-body", "-H", "Host: " + customer.host, proxy + "/greeting"}

		testkit.Eventually(t, func() error {
			output, err := exec.CommandContext(t.Context(), curl, arguments...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, output)
			}

			assert.Equal(t, `{"response":"`+customer.greeting+`"}`, string(output))
			t.Logf("curl -H 'Host: %s' %s/greeting → %s", customer.host, proxy, output)

			return nil
		})
	}

	output, err := exec.CommandContext(t.Context(), curl, "--silent", "--write-out", "%{http_code}", "--output", os.DevNull,
		"-H", "Host: customer-z.example.com", proxy+"/greeting").Output()
	require.NoError(t, err)
	assert.Equal(t, "404", string(output), "no customer, no backend")
}

func testUnknown(t *testing.T, docker *testkit.Engine, image string) {
	t.Helper()

	name := docker.Start(t, image, "--env", "CUSTOMER_NAME=Z")

	assert.Equal(t, "2", docker.Wait(t, name, testkit.Patience))
	assert.Equal(t,
		`CUSTOMER_NAME: "Z" is not allowed; it must be the name of a customer in GREETINGS: A, B, C`,
		strings.TrimSpace(docker.Logs(t, name)))
}

// startProxy starts HAProxy with these routes and backends, and returns its URL.
func startProxy(t *testing.T, routes, backends string) string {
	t.Helper()

	program := testkit.Program(t, "apt-get install haproxy", "haproxy", "/usr/sbin/haproxy")
	port := testkit.FreePort(t)
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	configuration := fmt.Sprintf(`
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s

frontend customers
  bind 127.0.0.1:%d
%s  http-request return status 404 unless { req.hdr(host),field(1,:) -i %s }

%s`, port, routes, strings.Join(hosts(), " "), backends)
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))

	var output testkit.Buffer

	command := exec.Command(program, "-db", "-f", file) //nolint:noctx // it is killed below, when the test ends
	command.Stdout, command.Stderr = &output, &output
	process, err := proc.Start(command)
	require.NoError(t, err)

	t.Cleanup(func() {
		assert.NoError(t, process.Stop())

		if t.Failed() {
			t.Log(output.String())
		}
	})

	return "http://127.0.0.1:" + strconv.Itoa(port)
}

func hosts() []string {
	names := make([]string, 0, len(customers()))
	for _, customer := range customers() {
		names = append(names, customer.host)
	}

	return names
}
