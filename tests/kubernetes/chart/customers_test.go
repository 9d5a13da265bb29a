package chart_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// TestCustomers: a customer needs two lines.
func TestCustomers(t *testing.T) {
	folder := filepath.Join(testkit.Root(t), ".infra", "helm", "clockmirror", "customers")

	for name, want := range map[string]string{
		"a.yaml": "customer: { name: A, host: customer-a.example.com }\ningress: { enabled: true }\n",
		"b.yaml": "customer: { name: B, host: customer-b.example.com }\ningress: { enabled: true }\n",
		"c.yaml": "customer: { name: C, host: customer-c.example.com }\ningress: { enabled: true }\n",
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
}

func TestOtherCustomersMeanOtherPods(t *testing.T) {
	chart := open(t)

	for _, setting := range []string{"customer.name=A", "customer.greetings.E=Hello"} {
		assert.NotEqual(t, chart.checksum(t), chart.checksum(t, "--set", setting), setting)
	}
}

func TestRefusedCustomers(t *testing.T) {
	areRefused(t, map[string]string{
		"customer.host=Not a host": "at '/customer/host'",
		"customer.greetings.A=":    "at '/customer/greetings/A': minLength: got 0, want 1",
		"config.CUSTOMER_NAME=A":   "config.CUSTOMER_NAME: set customer.name",
	})
}
