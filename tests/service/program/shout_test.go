package program_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func overloadByUpstream(t *testing.T, program string) {
	upstream, answer := slowUpstream(t)
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=2", "SHOUT_URL="+upstream)
	shout(t, server, 1)
	refusesMore(t, server, 2, func() { close(answer) })
}

// A slow upstream, and clients that read slowly, take no turns from routes that need neither.
func slowRoutes(t *testing.T, program string) {
	upstream, _ := slowUpstream(t)
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=5", "SHOUT_URL="+upstream)
	hold(t, server)
	hold(t, server)
	shout(t, server, 10)
	reports(t, server, `http_requests_total{method="POST",route="/shout",status="503"} 8`)

	for range 10 {
		response, body := testkit.Ask(t, server.URL+"/api/echo?text=12:22")
		assert.Equal(t, http.StatusOK, response.StatusCode, body)
	}
}

// slowUpstream answers nothing until the channel is closed.
func slowUpstream(t *testing.T) (url string, answer chan struct{}) {
	t.Helper()

	answer = make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body) // only then does a server see that the client is gone

		select {
		case <-answer:
		case <-request.Context().Done():
		}
	}))
	t.Cleanup(upstream.Close)

	return upstream.URL, answer
}

// shout sends so many different texts, and waits for no answer.
func shout(t *testing.T, server *testkit.Server, count int) {
	t.Helper()

	for i := range count {
		body := fmt.Sprintf(`{"data":"%d"}`, i)
		open(t, server.URL, fmt.Sprintf("POST /shout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	}
}
