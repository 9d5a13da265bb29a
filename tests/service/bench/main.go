// Command bench compares the real program, with all that it does around an answer, with bare net/http and bare Gin that
// answer the same request: the CPU time that each spends on one, on one core. The load comes from a second process, and
// the rounds are interleaved, so that what slows the machine down slows all alike.
//
//	bench PROGRAM BASELINE
//
// It prints a table, and exits 1 when a ratio or a size is over its budget.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"
)

const (
	rounds           = 15
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

	contenders, err := start(ctx, program, baseline)
	defer stop(contenders)

	if err != nil {
		return err
	}

	idle, err := residentMemory(contenders[2].command.Process.Pid)
	if err != nil {
		return err
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

// stop ends the servers that were started.
func stop(contenders []*contender) {
	for _, c := range contenders {
		if c.command != nil && c.command.Process != nil {
			_ = c.command.Process.Kill() // it may have ended by itself
			_ = c.command.Wait()
		}
	}
}

// start runs the four servers, each on one core. It returns those it started also when one of them fails.
func start(ctx context.Context, program, baseline string) ([]*contender, error) {
	contenders := []*contender{
		{name: "net/http, bare"},
		{name: "Gin, bare"},
		{name: "clockmirror, log to /dev/null"},
		{name: "clockmirror, log into a pipe"},
	}

	for i, c := range contenders {
		port, admin, err := twoFreePorts(ctx)
		if err != nil {
			return contenders, err
		}

		c.address = "127.0.0.1:" + port

		switch i {
		case 0:
			c.command = exec.CommandContext(ctx, baseline, "nethttp", port)
		case 1:
			c.command = exec.CommandContext(ctx, baseline, "gin", port)
		default:
			c.command = exec.CommandContext(ctx, program)
		}

		c.command.Env = append(os.Environ(), "GOMAXPROCS=1", "PORT="+port, "ADMIN_PORT="+admin, "LOG_FORMAT=json")
		c.command.Stderr = os.Stderr

		if i == 3 {
			pipe, err := c.command.StdoutPipe()
			if err != nil {
				return contenders, fmt.Errorf("make the pipe: %w", err)
			}

			go func() { _, _ = io.Copy(io.Discard, pipe) }()
		}

		if err = c.command.Start(); err != nil {
			return contenders, fmt.Errorf("start %s: %w", c.name, err)
		}

		if err = answers(ctx, c.address); err != nil {
			return contenders, fmt.Errorf("%s: %w", c.name, err)
		}
	}

	return contenders, nil
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
