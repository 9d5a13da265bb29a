package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the path asks of a container in any language, as far as HTTP shows it while all is well; .infra/CONTAINER.md has the rest.

// ready is what the load balancer and Kubernetes ask before they send traffic, and Kubernetes to know that the process lives.
func ready(t *testing.T) {
	for _, path := range []string{"/readyz", "/livez"} {
		assert.Equal(t, http.StatusOK, ask(t, http.MethodGet, path).status, path)
	}
}

// revision is how a person, and Verify when it fails, learns what answers.
func revision(t *testing.T) {
	answer := ask(t, http.MethodGet, "/health")
	assert.Equal(t, http.StatusOK, answer.status)

	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &members))
	assert.NotEmpty(t, members["version"])
	assert.NotEmpty(t, members["revision"])
}
