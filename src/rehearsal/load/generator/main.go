// Command load sends requests at a constant rate, even if earlier ones have no answer yet, and counts those that fail. Every other one
// opens a connection of its own; the rest take one that is kept alive. Besides these it sends two a second whose bodies take
// eight seconds to arrive, and counts them apart.
//
//	load URL ADDRESS RATE
//
// ADDRESS is where the URL's host is. The certificate of an https URL must be signed by an authority of SSL_CERT_FILE.
// For each line on standard input it prints, as a line of JSON, what has happened since the last; it ends with the input.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/load"
)

const (
	target  = "/clock?mirror_time=12:22"
	wanted  = `{"mirror_time":"12:22","actual_time":"11:38"}`
	limit   = 3 * time.Second // what takes longer has failed; a busy machine takes a second at times
	giveUp  = 5 * time.Second // on an answer that does not come
	keepers = 16              // connections that are kept alive

	slowRate   = 2               // slow requests a second
	slowPause  = 8 * time.Second // within the body; REQUEST_TIMEOUT is 10 s unless told otherwise
	slowLimit  = 20 * time.Second
	slowBody   = `{"text":"test"}`
	slowWanted = slowBody // an echo
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(arguments []string, stdin io.Reader, stdout io.Writer) error {
	if len(arguments) != 3 {
		return errors.New("usage: load URL ADDRESS RATE")
	}

	service, err := url.Parse(arguments[0])
	if err != nil {
		return fmt.Errorf("read URL: %w", err)
	}

	rate, err := strconv.Atoi(arguments[2])
	if err != nil || rate < 1 {
		return fmt.Errorf("RATE is %q; it must be a number of requests per second", arguments[2])
	}

	generator := &generator{service: service, address: arguments[1], kept: make(chan *connection, keepers), tally: newTally()}
	go generator.run(rate, func(number int) { generator.request(number%2 == 0) })
	go generator.run(slowRate, func(int) { generator.slowRequest() })

	encoder := json.NewEncoder(stdout)

	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		if err = encoder.Encode(generator.summary()); err != nil {
			return fmt.Errorf("write the summary: %w", err)
		}
	}

	return lines.Err()
}

// generator is the load. Requests do not wait for each other: a server that stalls gets no fewer of them.
type generator struct {
	service *url.URL
	address string
	kept    chan *connection

	mutex sync.Mutex
	tally *tally
}

// tally counts what has ended since it was begun.
type tally struct {
	began            time.Time
	fresh, keepAlive int
	failed           map[string]int
	took             []time.Duration
	seconds          []second
	slow             load.Slow
}

// second is a second's part of a tally.
type second struct {
	at     time.Time
	failed int
	took   []time.Duration
}

func newTally() *tally {
	return &tally{began: time.Now(), failed: map[string]int{}, slow: load.Slow{Failed: map[string]int{}}}
}

// summary returns the tally and begins the next.
func (g *generator) summary() load.Summary {
	g.mutex.Lock()
	defer g.mutex.Unlock()

	done := g.tally
	g.tally = newTally()

	result := load.Summary{
		Seconds:  time.Since(done.began).Seconds(),
		Requests: done.fresh + done.keepAlive, Fresh: done.fresh, KeepAlive: done.keepAlive, Failed: done.failed, Slow: done.slow,
	}

	if len(done.took) != 0 {
		result.P99Millis = p99(done.took)
		result.SlowestMillis = millis(slices.Max(done.took))
	}

	for _, part := range done.seconds {
		result.Each = append(result.Each, load.Second{At: part.at, Requests: len(part.took), Failed: part.failed, P99Millis: p99(part.took)})
	}

	return result
}

// p99 is the time within which 99 of 100 ended, in milliseconds.
func p99(took []time.Duration) float64 {
	slices.Sort(took)

	return millis(took[(len(took)-1)*99/100])
}

func millis(took time.Duration) float64 { return float64(took) / float64(time.Millisecond) }

// current is the tally's second of now.
func (t *tally) current() *second {
	now := time.Now().Truncate(time.Second)
	if last := len(t.seconds) - 1; last >= 0 && t.seconds[last].at.Equal(now) {
		return &t.seconds[last]
	}

	t.seconds = append(t.seconds, second{at: now})

	return &t.seconds[len(t.seconds)-1]
}

// run sends each request when it is due.
func (g *generator) run(rate int, request func(number int)) {
	began := time.Now()

	for number := 0; ; number++ {
		time.Sleep(time.Until(began.Add(time.Duration(number) * time.Second / time.Duration(rate))))

		go request(number)
	}
}

// request sends one request and counts it.
func (g *generator) request(fresh bool) {
	began := time.Now()
	err := g.ask(fresh, began.Add(giveUp))
	took := time.Since(began)

	if err == nil && took > limit {
		err = fmt.Errorf("answered after more than %s", limit)
	}

	g.mutex.Lock()
	defer g.mutex.Unlock()

	g.tally.took = append(g.tally.took, took)
	within := g.tally.current()
	within.took = append(within.took, took)

	if fresh {
		g.tally.fresh++
	} else {
		g.tally.keepAlive++
	}

	if err != nil {
		within.failed++
		g.tally.failed[err.Error()]++
	}
}

// connection is one to the server. It is not net/http's client, which sends a request again when a connection breaks:
// that would hide what is to be counted.
type connection struct {
	net.Conn

	reader *bufio.Reader
}

func (g *generator) ask(fresh bool, deadline time.Time) error {
	conn, err := g.connect(fresh, deadline)
	if err != nil {
		return fmt.Errorf("connect: %w", cause(err))
	}

	keep, err := conn.exchange(g.get(fresh), wanted, deadline)
	if err == nil && keep && !fresh {
		select {
		case g.kept <- conn:
			return nil
		default: // there are enough
		}
	}

	_ = conn.Close() // the answer is complete, or the error says more

	return err
}

func (g *generator) connect(fresh bool, deadline time.Time) (*connection, error) {
	if !fresh {
		select {
		case conn := <-g.kept:
			return conn, nil
		default: // all are busy
		}
	}

	opened, err := g.dial(deadline)
	if err != nil {
		return nil, err
	}

	return &connection{Conn: opened, reader: bufio.NewReader(opened)}, nil
}

func (g *generator) dial(deadline time.Time) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()

	if g.service.Scheme == "https" {
		secure := tls.Dialer{Config: &tls.Config{ServerName: g.service.Hostname(), MinVersion: tls.VersionTLS12}}

		return secure.DialContext(ctx, "tcp", g.address)
	}

	return (&net.Dialer{}).DialContext(ctx, "tcp", g.address)
}

// get is a request as it is sent; the last one on its connection says so.
func (g *generator) get(last bool) []string {
	field := ""
	if last {
		field = "Connection: close\r\n"
	}

	return []string{fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, g.service.Host, field)}
}

// slowRequest sends a request whose body pauses, on a connection of its own, and counts it.
func (g *generator) slowRequest() {
	deadline := time.Now().Add(slowLimit)

	conn, err := g.connect(true, deadline)
	if err == nil {
		head := fmt.Sprintf("POST /api/echo HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
			g.service.Host, len(slowBody))
		_, err = conn.exchange([]string{head + slowBody[:len(slowBody)/2], slowBody[len(slowBody)/2:]}, slowWanted, deadline)
		_ = conn.Close() // the answer is complete, or the error says more
	} else {
		err = fmt.Errorf("connect: %w", cause(err))
	}

	g.mutex.Lock()
	defer g.mutex.Unlock()

	g.tally.slow.Requests++

	if err != nil {
		g.tally.slow.Failed[err.Error()]++
	}
}

// exchange sends the parts of a request with a pause before each but the first, checks the answer, and tells whether the connection
// can be used again.
func (c *connection) exchange(parts []string, wanted string, deadline time.Time) (keep bool, err error) {
	if err = c.SetDeadline(deadline); err != nil {
		return false, fmt.Errorf("bound the time: %w", err)
	}

	for number, part := range parts {
		if number > 0 {
			time.Sleep(slowPause)
		}

		if _, err = io.WriteString(c, part); err != nil {
			return false, fmt.Errorf("cut before the end of the request: %w", cause(err))
		}
	}

	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return false, fmt.Errorf("cut before the answer: %w", cause(err))
	}

	body, err := io.ReadAll(response.Body)

	switch {
	case err != nil:
		return false, fmt.Errorf("cut within the answer: %w", cause(err))
	case response.StatusCode != http.StatusOK:
		return false, fmt.Errorf("answered %s", response.Status)
	case string(body) != wanted:
		return false, fmt.Errorf("answered %.60q", body)
	}

	return !response.Close, nil
}

// cause returns an error without addresses, so that equal ones can be counted together.
func cause(err error) error {
	if failure, ok := errors.AsType[*net.OpError](err); ok {
		return failure.Err
	}

	return err
}
