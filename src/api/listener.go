package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// ProblemListener makes the answers that net/http itself gives to what is not an acceptable HTTP request (400, 431, 501…)
// problems too. net/http has no setting for them and writes each as one piece of plain text, before any handler runs.
func ProblemListener(listener net.Listener) net.Listener { return problemListener{listener} }

type problemListener struct{ net.Listener }

func (l problemListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks at this very error
	}

	return problemConn{connection}, nil
}

type problemConn struct{ net.Conn }

// Write passes everything on but net/http's own refusals, which alone go without a Date.
func (c problemConn) Write(data []byte) (int, error) {
	const (
		statusStart, statusEnd = len("HTTP/1.1 "), len("HTTP/1.1 400")
		longestRefusal         = 512
	)

	if len(data) <= longestRefusal && bytes.Contains(data, []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")) {
		if status, err := strconv.Atoi(string(data[statusStart:statusEnd])); err == nil {
			if _, err = c.Conn.Write(refusal(status)); err != nil {
				return 0, err //nolint:wrapcheck // net/http looks at this very error
			}

			return len(data), nil
		}
	}

	return c.Conn.Write(data) //nolint:wrapcheck // net/http looks at this very error
}

// refusal returns a whole HTTP response.
func refusal(status int) []byte {
	id := telemetry.RequestID(nil)
	detail := "this is not an HTTP request that can be read"

	if status == http.StatusRequestHeaderFieldsTooLarge {
		detail = "the request line and headers are too large; send less than 16 KiB"
	}

	body, _ := json.Marshal(Problem{ // strings and a number: never fails
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, RequestID: id,
	})

	return fmt.Appendf(nil,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\nCache-Control: no-store\r\n%s: %s\r\n\r\n%s",
		status, http.StatusText(status), problemType, len(body), requestIDHeader, id, body)
}
