// Package load runs the load generator of src/rehearsal/load/generator as a second process: a constant rate of requests, whatever becomes
// of them.
package load

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Load is a running load generator.
type Load struct {
	process *proc.Process
	stdin   io.Writer
	stdout  *bufio.Reader
}

// Summary is what the load tells about the requests that ended since it was asked last.
type Summary struct {
	Seconds   float64 `json:"seconds"`
	Requests  int     `json:"requests"`
	Fresh     int     `json:"fresh"`
	KeepAlive int     `json:"keep_alive"`
	// Failed has the number of failed requests by reason.
	Failed        map[string]int `json:"failed"`
	P99Millis     float64        `json:"p99_ms"`
	SlowestMillis float64        `json:"slowest_ms"`
	// Each has the same requests second by second, but for seconds in which none ended.
	Each []Second `json:"each"`
	// Slow are the requests whose bodies take several seconds to arrive; they are not among the others.
	Slow Slow `json:"slow"`
}

// Second is what became of the requests that ended in one second.
type Second struct {
	At        time.Time `json:"at"`
	Requests  int       `json:"requests"`
	Failed    int       `json:"failed"`
	P99Millis float64   `json:"p99_ms"`
}

// Slow counts slow requests.
type Slow struct {
	Requests int            `json:"requests"`
	Failed   map[string]int `json:"failed"`
}

// Failures returns how many slow requests failed, for whatever reason.
func (s Slow) Failures() int { return sum(s.Failed) }

// Failures returns how many requests failed, for whatever reason.
func (s Summary) Failures() int { return sum(s.Failed) }

func sum(counts map[string]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}

	return total
}

// Build builds the generator of the repository at root into a folder, and returns its path.
func Build(ctx context.Context, root, folder string) (string, error) {
	program := filepath.Join(folder, "load")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./src/rehearsal/load/generator")
	build.Dir = root

	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the load generator: %w: %s", err, output)
	}

	return program, nil
}

// Target is where requests go.
type Target struct {
	// URL is the service's. Address is where its host is, with a port, whatever DNS says.
	URL, Address string
	// Authority is the file of the certificate that one of the service must be signed by; empty for the system's.
	Authority string
}

// Start sends that many requests a second, until Stop.
func Start(program string, target Target, rate int) (*Load, error) {
	command := exec.Command(program, target.URL, target.Address, strconv.Itoa(rate)) //nolint:noctx // it ends with Stop
	command.Stderr = os.Stderr

	if target.Authority != "" {
		command.Env = append(os.Environ(), "SSL_CERT_FILE="+target.Authority)
	}

	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("write to the load generator: %w", err)
	}

	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read from the load generator: %w", err)
	}

	process, err := proc.Start(command)
	if err != nil {
		return nil, fmt.Errorf("start the load generator: %w", err)
	}

	return &Load{process: process, stdin: stdin, stdout: bufio.NewReader(stdout)}, nil
}

// Next returns what has happened since it was called last.
func (l *Load) Next() (Summary, error) {
	var result Summary

	if _, err := io.WriteString(l.stdin, "\n"); err != nil {
		return result, fmt.Errorf("ask the load generator: %w", err)
	}

	line, err := l.stdout.ReadBytes('\n')
	if err != nil {
		return result, fmt.Errorf("read from the load generator: %w", err)
	}

	if err = json.Unmarshal(line, &result); err != nil {
		return result, fmt.Errorf("read the summary of the load generator: %w", err)
	}

	return result, nil
}

// Stop ends the load.
func (l *Load) Stop() error { return l.process.Stop() }
