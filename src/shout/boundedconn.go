package shout

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
)

const (
	// largestReply is more than the entry of the longest text takes in JSON with each character escaped.
	largestReply = 2 << 20
	longestLine  = 4 << 10
)

// boundedConn refuses replies that a Redis client can't read safely. All Go clients (redigo, go-redis, rueidis) reserve as
// much memory as a length says before the data arrives, and read nested arrays by recursion; an absurd length is a panic
// or the end of the process. The commands used here are only answered with lines and strings.
type boundedConn struct {
	net.Conn

	line []byte // what has arrived of the present line
	skip int    // how many bytes of a string are still to come
}

func (c *boundedConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	if refused := c.check(data[:n]); refused != nil {
		return 0, refused
	}

	return n, err //nolint:wrapcheck // the client looks at this very error
}

// check follows the replies in the order in which they arrive.
func (c *boundedConn) check(data []byte) error {
	for len(data) != 0 {
		if c.skip != 0 {
			skipped := min(c.skip, len(data))
			c.skip -= skipped
			data = data[skipped:]

			continue
		}

		line, rest, complete := bytes.Cut(data, []byte("\n"))
		c.line = append(c.line, line...)
		data = rest

		if len(c.line) > longestLine {
			return fmt.Errorf("a reply of Redis has a line of more than %d bytes", longestLine)
		}

		if complete {
			if err := c.checkLine(string(bytes.TrimSuffix(c.line, []byte("\r")))); err != nil {
				return err
			}

			c.line = c.line[:0]
		}
	}

	return nil
}

func (c *boundedConn) checkLine(line string) error {
	if line == "" {
		return errors.New("a reply of Redis begins with an empty line")
	}

	switch line[0] {
	case '+', '-', ':':
		return nil
	case '$':
		length, err := strconv.Atoi(line[1:])
		if err != nil || length < -1 || length > largestReply {
			return fmt.Errorf("a reply of Redis has the length %.30q; the limit is %d", line[1:], largestReply)
		}

		if length >= 0 {
			c.skip = length + len("\r\n")
		}

		return nil
	default:
		return fmt.Errorf("a reply of Redis has the type %q, which no command asked for", line[:1])
	}
}
