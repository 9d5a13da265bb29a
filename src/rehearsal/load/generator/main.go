// Command load sends requests at a constant rate, whatever becomes of them, and counts those that fail. Every other one
// opens a connection of its own; the rest take one that is kept alive.
//
//	load ADDRESS RATE
//
// For each line on standard input it prints, as a line of JSON, what has happened since the last; it ends with the input.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	limit   = time.Second     // what takes longer has failed
	giveUp  = 5 * time.Second // on an answer that does not come
	keepers = 16              // connections that are kept alive
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(arguments []string, stdin io.Reader, stdout io.Writer) error {
	if len(arguments) != 2 {
		return errors.New("usage: load ADDRESS RATE")
	}

	rate, err := strconv.Atoi(arguments[1])
	if err != nil || rate < 1 {
		return fmt.Errorf("RATE is %q; it must be a number of requests per second", arguments[1])
	}

	generator := &generator{address: arguments[0], kept: make(chan *connection, keepers), tally: newTally()}
	go generator.run(rate)

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
}

func newTally() *tally { return &tally{began: time.Now(), failed: map[string]int{}} }

// summary returns the tally and begins the next.
func (g *generator) summary() load.Summary {
	g.mutex.Lock()
	defer g.mutex.Unlock()

	done := g.tally
	g.tally = newTally()

	result := load.Summary{
		Seconds:  time.Since(done.began).Seconds(),
		Requests: done.fresh + done.keepAlive, Fresh: done.fresh, KeepAlive: done.keepAlive, Failed: done.failed,
	}

	if count := len(done.took); count != 0 {
		slices.Sort(done.took)
		result.P99Millis = float64(done.took[(count-1)*99/100]) / float64(time.Millisecond)
		result.SlowestMillis = float64(done.took[count-1]) / float64(time.Millisecond)
	}

	return result
}

// run sends each request when it is due.
func (g *generator) run(rate int) {
	began := time.Now()

	for number := 0; ; number++ {
		time.Sleep(time.Until(began.Add(time.Duration(number) * time.Second / time.Duration(rate))))

		go g.request(number%2 == 0)
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

	if fresh {
		g.tally.fresh++
	} else {
		g.tally.keepAlive++
	}

	if err != nil {
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

	keep, err := conn.exchange(g.address, fresh, deadline)
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

	opened, err := (&net.Dialer{Deadline: deadline}).Dial("tcp", g.address)
	if err != nil {
		return nil, err
	}

	return &connection{Conn: opened, reader: bufio.NewReader(opened)}, nil
}

// exchange sends a request, checks the answer, and tells whether the connection can be used again.
func (c *connection) exchange(host string, last bool, deadline time.Time) (keep bool, err error) {
	if err = c.SetDeadline(deadline); err != nil {
		return false, fmt.Errorf("bound the time: %w", err)
	}

	field := ""
	if last {
		field = "Connection: close\r\n"
	}

	if _, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", target, host, field); err != nil {
		return false, fmt.Errorf("cut before the request: %w", cause(err))
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
