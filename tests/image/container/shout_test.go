package container_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// TestMemoryOfShout attacks with what takes the most memory on its way to an upstream that takes its time.
func TestMemoryOfShout(t *testing.T) {
	docker := testkit.Docker(t)

	upstream := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)

		select {
		case <-request.Context().Done():
		case <-time.After(time.Second):
			writer.WriteHeader(http.StatusBadGateway)
		}
	}))
	t.Cleanup(upstream.Close)

	large := `{"data":"` + strings.Repeat("<", 64<<10-11) + `"}` // each < is six bytes in the request to the upstream
	post := "POST /shout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(large)) + "\r\n\r\n"

	attacks(t, docker, docker.Image(t), []string{"SHOUT_URL=" + upstream.URL}, []attack{
		{"1020 bodies that escape to six times their size", post + large, 1020},
	})
}
