package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

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
