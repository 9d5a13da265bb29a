package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// greeting is a customer's, or none: that depends on whose deployment this is.
func greeting(t *testing.T) {
	isDocumented(t, "/greeting")

	answer := ask(t, http.MethodGet, "/greeting")
	if answer.status == http.StatusNotFound {
		assert.Equal(t, "no customer is configured; set CUSTOMER_NAME", problem(t, answer)["detail"])

		return
	}

	var greeting map[string]string
	require.NoError(t, json.Unmarshal([]byte(answer.body), &greeting))
	assert.Len(t, greeting, 1)
	assert.NotEmpty(t, greeting["response"])
}
