// Command bench compares the real program, with all that it does around an answer, with bare net/http and bare Gin that
// answer the same request: the CPU time that each spends on one, on one core. The load comes from a second process, and
// the rounds are interleaved, so that what slows the machine down slows all alike.
//
//	bench PROGRAM BASELINE
//
// It prints a table, and exits 1 when a ratio or a size is over its budget.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
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
	limitIdle        = 15 << 20
	limitBinary      = 25_000_000
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

// load sends requestsPerRound requests over kept-alive connections and checks every answer.
func load(address string) error {
	var (
		group  sync.WaitGroup
		mutex  sync.Mutex
		failed error
	)

	for range connections {
		group.Go(func() {
			if err := loadConnection(address, requestsPerRound/connections); err != nil {
				mutex.Lock()
				defer mutex.Unlock()

				failed = errors.Join(failed, err)
			}
		})
	}

	group.Wait()

	return failed
}

func loadConnection(address string, count int) error {
	connection, err := (&net.Dialer{Timeout: patience}).Dial("tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer connection.Close()

	if err = connection.SetDeadline(time.Now().Add(loadPatience)); err != nil {
		return fmt.Errorf("bound the time: %w", err)
	}

	reader := bufio.NewReader(connection)

	for range count {
		if _, err = connection.Write([]byte(request)); err != nil {
			return fmt.Errorf("send: %w", err)
		}

		if err = readAnswer(reader); err != nil {
			return err
		}
	}

	return nil
}

// readAnswer reads one response without a parser's cost, so that one core's load outruns one core's server.
func readAnswer(reader *bufio.Reader) error {
	length := -1

	for line := 0; ; line++ {
		text, err := reader.ReadSlice('\n')

		switch {
		case err != nil:
			return fmt.Errorf("receive: %w", err)
		case line == 0 && !strings.Contains(string(text), " 200 "):
			return fmt.Errorf("the answer is %s", text)
		case len(text) == len("\r\n"):
			body := make([]byte, max(length, 0))
			if _, err = io.ReadFull(reader, body); err != nil {
				return fmt.Errorf("receive the body: %w", err)
			}

			if strings.TrimSpace(string(body)) != wanted {
				return fmt.Errorf("the answer is %q", body)
			}

			return nil
		}

		if value, ok := strings.CutPrefix(string(text), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return fmt.Errorf("the length is %q: %w", value, err)
			}
		}
	}
}

// cpuTime returns the CPU time, user and system, that a process has used, to the nanosecond.
func cpuTime(pid int) (time.Duration, error) {
	// The clock of another process; see clock_getcpuclockid(3) and the kernel's CPUCLOCK_SCHED.
	const scheduled, shift = 2, 3

	var spent unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<shift|scheduled), &spent); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}

	return time.Duration(spent.Nano()), nil
}

// residentMemory returns how many bytes of a process are in memory.
func residentMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}

	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)

			return kib << 10, err
		}
	}

	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}

// timeToFirstAnswer returns the median time from starting the program to its first 200.
func timeToFirstAnswer(ctx context.Context, program string) (time.Duration, error) {
	times := make([]time.Duration, 0, starts)

	for range starts {
		port, admin, err := twoFreePorts(ctx)
		if err != nil {
			return 0, err
		}

		command := exec.CommandContext(ctx, program)

		command.Env = append(os.Environ(), "PORT="+port, "ADMIN_PORT="+admin)

		started := time.Now()

		if err = command.Start(); err != nil {
			return 0, fmt.Errorf("start %s: %w", program, err)
		}

		if err = answers(ctx, "127.0.0.1:"+port); err != nil {
			return 0, err
		}

		times = append(times, time.Since(started))

		if err = command.Process.Kill(); err != nil {
			return 0, fmt.Errorf("stop %s: %w", program, err)
		}

		_ = command.Wait() // killed, so it does not end well
	}

	return median(times), nil
}

// answers waits for the first 200.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/clock?mirror_time=12:22", http.NoBody)
		if err != nil {
			return fmt.Errorf("ask %s: %w", address, err)
		}

		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()

			if response.StatusCode == http.StatusOK {
				return nil
			}
		}

		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer from %s within %s: %w", address, patience, err)
		case <-time.After(time.Millisecond / 4):
		}
	}
}

func twoFreePorts(ctx context.Context) (first, second string, err error) {
	ports := make([]string, 0, 2)

	for range cap(ports) {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()

		_, port, _ := net.SplitHostPort(listener.Addr().String())
		ports = append(ports, port)
	}

	return ports[0], ports[1], nil
}

// report prints what was measured, and returns an error that names each budget that was broken.
func report(contenders []*contender, first time.Duration, idle, loaded, binary int64) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "CPU time per request\tµs\t× net/http\t× Gin\tbudget\t")

	var broken error

	budgets := []float64{0, 0, limitDevNull, limitPipe}

	for i, c := range contenders {
		netHTTP, gin := ratio(c, contenders[0]), ratio(c, contenders[1])
		budget := ""

		if budgets[i] != 0 {
			budget = fmt.Sprintf("≤ %.2f", budgets[i])

			worst := netHTTP
			if i == 2 {
				worst = max(netHTTP, gin)
			}

			if worst > budgets[i] {
				broken = errors.Join(broken, fmt.Errorf("%s: %.3f is over %.2f", c.name, worst, budgets[i]))
			}
		}

		fmt.Fprintf(table, "%s\t%.2f\t%.3f\t%.3f\t%s\t\n", c.name, float64(median(c.costs))/1e3, netHTTP, gin, budget)
	}

	fmt.Fprintf(table, "\t\t\t\t\t\nstart to first answer\t%.1f ms\t\t\t≤ %d ms\t\n", float64(first)/1e6, limitStart.Milliseconds())
	fmt.Fprintf(table, "resident memory, idle\t%.1f MiB\t\t\t≤ %d MiB\t\n", float64(idle)/(1<<20), limitIdle>>20)
	fmt.Fprintf(table, "resident memory, after load\t%.1f MiB\t\t\t\t\n", float64(loaded)/(1<<20))
	fmt.Fprintf(table, "binary\t%.1f MB\t\t\t≤ %d MB\t\n", float64(binary)/1e6, limitBinary/1_000_000)

	for _, check := range []struct {
		what string
		over bool
	}{
		{"the start", first > limitStart}, {"the idle memory", idle > limitIdle}, {"the binary", binary > limitBinary},
	} {
		if check.over {
			broken = errors.Join(broken, fmt.Errorf("%s is over its budget", check.what))
		}
	}

	return errors.Join(table.Flush(), broken)
}

// ratio returns the median of the round-by-round ratios: what slowed one round down slowed its neighbours too.
func ratio(of, to *contender) float64 {
	ratios := make([]float64, len(of.costs))
	for i := range ratios {
		ratios[i] = float64(of.costs[i]) / float64(to.costs[i])
	}

	return median(ratios)
}

func median[T time.Duration | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))

	return sorted[len(sorted)/2]
}
