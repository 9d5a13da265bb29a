package proxy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/src/rehearsal/proxy"
)

func TestParseRequest(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		line  string
		want  proxy.Request
		found bool
	}{
		"an answer": {
			`172.17.0.1:5 [29/Nov/2026:06:58:20.209] load api/r-api-1 0/0/0/3/4 200 75 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"`,
			proxy.Request{Status: 200, Took: 3 * time.Millisecond},
			true,
		},
		"an error of the one box, over TLS": {
			`172.17.0.1:5 [29/Nov/2026:06:58:20.209] load~ onebox/r-api-onebox-1 0/0/0/1204/+1205 500 75 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/2.0"`,
			proxy.Request{OneBox: true, Status: 500, Took: 1204 * time.Millisecond},
			true,
		},
		"no target has answered": {line: `172.17.0.1:5 [29/Nov/2026:06:58:20.209] load api/<NOSRV> 0/-1/-1/-1/0 503 75 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"`},
		"a target's health":      {line: "Server api/r-api-1 is UP, reason: Layer7 check passed, code: 200"},
		"nothing":                {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			request, found := proxy.ParseRequest(test.line)
			assert.Equal(t, test.found, found)
			assert.Equal(t, test.want, request)
		})
	}
}
