package main

import (
	"context"
	"errors"
	"fmt"
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
		started := time.Now()

		c := &contender{name: program, command: exec.CommandContext(ctx, program)}
		if err := c.start(ctx); err != nil {
			return 0, errors.Join(err, c.stop())
		}

		times = append(times, time.Since(started))

		if err := c.stop(); err != nil {
			return 0, err
		}
	}

	return median(times), nil
}
