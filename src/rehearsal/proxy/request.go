package proxy

import (
	"regexp"
	"strconv"
	"time"
)

// Request is what became of a request that a target was asked.
type Request struct {
	// OneBox tells whether the target was the one box.
	OneBox bool
	Status int
	// Took is how long the target took to begin its answer.
	Took time.Duration
}

// requestLine is HAProxy's format httplog: the target group and the target, five times of which the fourth is the target's, and the status.
var requestLine = regexp.MustCompile(` load~? (\w+)/(\S+) -?\d+/-?\d+/-?\d+/(\d+)/\+?\d+ (\d{3}) `)

// ParseRequest reads a line of the load balancer's log. Lines about anything else, such as a request that no target has answered, are not
// found.
func ParseRequest(line string) (request Request, found bool) {
	match := requestLine.FindStringSubmatch(line)
	if match == nil {
		return Request{}, false
	}

	milliseconds, err := strconv.Atoi(match[3])
	if err != nil {
		return Request{}, false
	}

	status, err := strconv.Atoi(match[4])

	return Request{OneBox: match[1] == oneBox, Status: status, Took: time.Duration(milliseconds) * time.Millisecond}, err == nil
}
