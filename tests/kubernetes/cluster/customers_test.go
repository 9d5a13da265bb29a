package k8s_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func testCustomers(t *testing.T, c *cluster, image string) {
	t.Helper()

	customers := map[string]string{"a": "Hi!", "b": "Dear Sir or Madam!", "c": "Moin!"}

	releases := make([]string, 0, len(customers))
	for name := range customers {
		releases = append(releases, "customer-"+name)
	}

	t.Run("at the same time", func(t *testing.T) {
		for name, greeting := range customers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()

				release := "customer-" + name
				address := c.install(t, release, image, "--values", filepath.Join(c.chart, "customers", name+".yaml"),
					"--set", "resources.requests.cpu=50m") // all three fit into a small cluster

				assert.JSONEq(t, `{"response":"`+greeting+`"}`, testkit.Get(t, "http://"+address+"/greeting"))
				assert.Equal(t, release+".example.com", c.kubectl(t, "get", "ingress", fullName(release), "--output", "jsonpath={.spec.rules[*].host}"))
				c.helm(t, "test", release)
			})
		}
	})

	t.Log("a customer that the table lacks")

	output, err := c.tryHelm(t, append([]string{
		"upgrade", "customer-a", c.chart, "--reuse-values", "--set", "customer.name=Z", "--wait", "--timeout", "10s",
	}, imageValues(image)...)...)
	require.Error(t, err, output)
	testkit.Eventually(t, func() error {
		// A container that is still being made has no logs yet, and kubectl fails.
		logs, _ := c.try(t.Context(), c.kubectlProgram, "--namespace", c.namespace, "logs", "--selector", "app.kubernetes.io/instance=customer-a", "--prefix")
		if !strings.Contains(logs, `CUSTOMER_NAME: "Z" is not allowed; it must be the name of a customer in GREETINGS: A, B, C`) {
			return errors.New(logs)
		}

		return nil
	})

	c.uninstall(t, releases...)
}
