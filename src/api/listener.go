package api

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// Listener returns a listener whose connections do two things for an http.Server that it has no setting for.
//
// What net/http itself answers to that which is no acceptable HTTP request (400, 431, 501…) becomes a problem. It writes
// each such refusal as one piece of plain text, before any handler runs.
//
// A deadline is set when a read or write is about to need it. net/http moves a connection's deadlines four times a
// request, and most times nothing is read or written before they are moved again.
func Listener(listener net.Listener) net.Listener { return connListener{listener} }

type connListener struct{ net.Listener }

func (l connListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // net/http looks at this very error
	}

	return &conn{Conn: accepted, accepted: time.Now()}, nil
}

// conn counts on net/http never to move a deadline into the future while the read or write that it is for goes on.
type conn struct {
	net.Conn

	accepted time.Time

	reading         sync.Mutex // net/http watches for hang-ups with a read of its own while a handler runs
	readBy, readSet time.Time  // what is wanted, and what the connection knows

	writeBy, writeSet time.Time
}

// writeDeadlineSlack is how much earlier than wanted a write may time out, so that a busy connection's deadline is moved
// once a second and not with every request.
const writeDeadlineSlack = time.Second

// SetReadDeadline notes the deadline for the next read. One long ago is how net/http interrupts a read: it works now.
func (c *conn) SetReadDeadline(deadline time.Time) error {
	c.reading.Lock()
	defer c.reading.Unlock()

	c.readBy = deadline
	if deadline.IsZero() || deadline.After(c.accepted) {
		return nil
	}

	return c.applyReadDeadline()
}

// applyReadDeadline tells the connection what is wanted, unless it knows. The caller holds the lock.
func (c *conn) applyReadDeadline() error {
	if c.readBy.Equal(c.readSet) {
		return nil
	}

	c.readSet = c.readBy

	return c.Conn.SetReadDeadline(c.readBy) //nolint:wrapcheck // net/http looks at this very error
}

func (c *conn) Read(data []byte) (int, error) {
	c.reading.Lock()
	err := c.applyReadDeadline()
	c.reading.Unlock()

	if err != nil {
		return 0, err
	}

	return c.Conn.Read(data) //nolint:wrapcheck // net/http looks at this very error
}

// SetWriteDeadline notes the deadline for the next write.
func (c *conn) SetWriteDeadline(deadline time.Time) error {
	c.writeBy = deadline

	return nil
}

func (c *conn) Write(data []byte) (int, error) {
	if early := c.writeBy.Sub(c.writeSet); early < 0 || early > writeDeadlineSlack {
		c.writeSet = c.writeBy
		if err := c.Conn.SetWriteDeadline(c.writeBy); err != nil {
			return 0, err //nolint:wrapcheck // net/http looks at this very error
		}
	}

	if status := refused(data); status != 0 {
		if _, err := c.Conn.Write(refusal(status)); err != nil {
			return 0, err //nolint:wrapcheck // net/http looks at this very error
		}

		return len(data), nil
	}

	return c.Conn.Write(data) //nolint:wrapcheck // net/http looks at this very error
}

// refused returns the status of a refusal that net/http wrote, or 0 for anything else: they are short, and have these two
// header fields alone.
func refused(data []byte) int {
	const (
		statusStart, statusEnd = len("HTTP/1.1 "), len("HTTP/1.1 400")
		longest                = 256
		fields                 = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	)

	if len(data) > longest || !bytes.Contains(data, []byte(fields)) {
		return 0
	}

	status, err := strconv.Atoi(string(data[statusStart:statusEnd]))
	if err != nil {
		return 0
	}

	return status
}

// refusal returns a whole HTTP response.
func refusal(status int) []byte {
	id := telemetry.RequestID(nil)
	detail := "this is not an HTTP request that can be read"

	if status == http.StatusRequestHeaderFieldsTooLarge {
		detail = "the request line and headers are too large; send less than 16 KiB"
	}

	body := marshal(Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, RequestID: id,
	})

	return fmt.Appendf(nil,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\nCache-Control: no-store\r\n%s: %s\r\n\r\n%s",
		status, http.StatusText(status), problemType, len(body), requestIDHeader, id, body)
}
