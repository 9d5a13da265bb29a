// Command bench compares the real program, with all that it does around an answer, with bare net/http and bare Gin that
// answer the same request: the CPU time that each spends on one, on one core. The load comes from a second process, and
// the rounds are interleaved, so that what slows the machine down slows all alike.
//
//	bench PROGRAM BASELINE
//
// It prints a table, and exits 1 when a ratio or a size is over its budget.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

const (
	requestsPerRound = 30_000
	connections      = 16
	request          = "GET /clock?mirror_time=12:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	wanted           = `{"mirror_time":"12:22","actual_time":"11:38"}`
	starts           = 15
	limitDevNull     = 1.20
	limitPipe        = 1.30
	limitStart       = 20 * time.Millisecond
	limitIdle        = 25 << 20 // most of it pages of the binary, which the kernel takes back when it needs them
	limitBinary      = 28_000_000
	patience         = 10 * time.Second
	loadPatience     = time.Minute
)

// contender is a server and what its rounds have cost.
type contender struct {
	name    string
	command *exec.Cmd
	pipe    bool // the log is read from a pipe
	process *proc.Process
	address string
	costs   []time.Duration // per request, a round each
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "load" {
		if err := load(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench load:", err)
			os.Exit(1)
		}

		return
	}

	if err := run(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, baseline string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	contenders := []*contender{
		{name: "net/http, bare", command: exec.CommandContext(ctx, baseline, "nethttp")},
		{name: "Gin, bare", command: exec.CommandContext(ctx, baseline, "gin")},
		{name: "clockmirror, log to /dev/null", command: exec.CommandContext(ctx, program)},
		{name: "clockmirror, log into a pipe", command: exec.CommandContext(ctx, program), pipe: true},
	}

	for _, c := range contenders {
		defer func() { _ = c.stop() }() // it may have ended by itself

		if err := c.start(ctx); err != nil {
			return err
		}
	}

	idle, err := residentMemory(contenders[2].command.Process.Pid)
	if err != nil {
		return err
	}

	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("BENCH_ROUNDS"), "15"))
	if err != nil {
		return fmt.Errorf("read BENCH_ROUNDS: %w", err)
	}

	for round := range rounds + 1 {
		for _, i := range rand.Perm(len(contenders)) {
			cost, err := contenders[i].round(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", contenders[i].name, err)
			}

			if round > 0 { // the first one warms up
				contenders[i].costs = append(contenders[i].costs, cost)
			}
		}
	}

	loaded, err := residentMemory(contenders[2].command.Process.Pid)
	if err != nil {
		return err
	}

	first, err := timeToFirstAnswer(ctx, program)
	if err != nil {
		return err
	}

	binary, err := os.Stat(program)
	if err != nil {
		return fmt.Errorf("measure the binary: %w", err)
	}

	return report(contenders, first, idle, loaded, binary.Size())
}

// start runs the server on one core, and waits for its first 200.
func (c *contender) start(ctx context.Context) error {
	free, err := proc.Free(ctx, 2)
	if err != nil {
		return err
	}

	c.address = fmt.Sprintf("127.0.0.1:%d", free[0])
	c.command.Env = append(os.Environ(), "GOMAXPROCS=1", fmt.Sprintf("PORT=%d", free[0]), fmt.Sprintf("ADMIN_PORT=%d", free[1]), "LOG_FORMAT=json")
	c.command.Stderr = os.Stderr

	if c.pipe {
		log, err := c.command.StdoutPipe()
		if err != nil {
			return fmt.Errorf("make the pipe: %w", err)
		}

		go func() { _, _ = io.Copy(io.Discard, log) }()
	}

	if c.process, err = proc.Start(c.command); err != nil {
		return err
	}

	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	return c.process.Await(limited, time.Millisecond/4, func() error {
		return proc.Answers(limited, http.DefaultClient, "http://"+c.address+"/clock?mirror_time=12:22")
	})
}

// stop ends the server, if it was started.
func (c *contender) stop() error {
	if c.process == nil {
		return nil
	}

	return c.process.Stop()
}

// round lets a second process send its requests, and returns the CPU time that the server took for each.
func (c *contender) round(ctx context.Context) (time.Duration, error) {
	before, err := cpuTime(c.command.Process.Pid)
	if err != nil {
		return 0, err
	}

	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}

	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()

	if output, err := exec.CommandContext(ctx, self, "load", c.address).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("load: %w: %s", err, output)
	}

	after, err := cpuTime(c.command.Process.Pid)

	return (after - before) / requestsPerRound, err
}
