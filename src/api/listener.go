package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// conn turns net/http's own replies to malformed requests (400, 417, 431, 501…) into problems, with a request id, a log
// line and a count as every answer has. net/http writes each such reply as one piece, before any handler runs.
type conn struct {
	net.Conn

	owner   *connections
	waiting atomic.Int64 // since when it has had no whole request, in Unix nanoseconds; 0 while it has one
}

func (c *conn) Write(data []byte) (int, error) {
	if status := refused(data); status != 0 {
		if err := c.refuse(status); err != nil {
			return 0, err
		}

		return len(data), nil
	}

	return c.Conn.Write(data) //nolint:wrapcheck // net/http looks at this very error
}

// Close closes the connection and makes room for another.
func (c *conn) Close() error {
	c.owner.remove(c)

	return c.Conn.Close() //nolint:wrapcheck // net/http looks at this very error
}

// refuse answers for net/http.
func (c *conn) refuse(status int) error {
	id := telemetry.RequestID(nil)
	c.owner.api.recordRefusal(id, status, c.RemoteAddr())

	_, err := c.Conn.Write(refusal(id, status))

	return err //nolint:wrapcheck // net/http looks at this very error
}

// recordRefusal counts and logs what no handler saw. Its method and path are not known.
func (a *API) recordRefusal(id string, status int, client net.Addr) {
	const method = "UNKNOWN"

	a.options.Metrics.Observe(noRoute, method, status, 0)
	telemetry.LogAccess(nil, a.options.Logger, slog.LevelInfo, telemetry.Access{ //nolint:staticcheck // SA1012: there is no request to have one
		Arrived: time.Now().UTC(), RequestID: id, Method: method, Route: noRoute, Status: status,
		Client: withoutPort(client.String()),
	})
}

// refused returns the status of a reply that net/http wrote by itself, or 0 for anything else: these are short, and have
// two header fields alone, or are 417, which nothing else answers.
func refused(data []byte) int {
	const (
		statusStart, statusEnd = len("HTTP/1.1 "), len("HTTP/1.1 400")
		longest                = 256
		fields                 = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
		expectation            = "HTTP/1.1 417 "
	)

	if len(data) > longest || (!bytes.Contains(data, []byte(fields)) && !bytes.HasPrefix(data, []byte(expectation))) {
		return 0
	}

	status, err := strconv.Atoi(string(data[statusStart:statusEnd]))
	if err != nil {
		return 0
	}

	return status
}

// refusal returns a whole HTTP response.
func refusal(id string, status int) []byte {
	detail := "this is not an HTTP request that can be read"

	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		detail = "the request line and headers are too large; send less than 16 KiB"
	case http.StatusExpectationFailed:
		detail = "this expectation can't be met; send no Expect, or 100-continue"
	case http.StatusServiceUnavailable:
		detail = "too many connections at a time; try again after " + retryAfter + " s"
	}

	body := marshal(Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, RequestID: id,
	})

	return fmt.Appendf(nil,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\nCache-Control: no-store\r\n%s: %s\r\n\r\n%s",
		status, http.StatusText(status), problemType, len(body), requestIDHeader, id, body)
}
