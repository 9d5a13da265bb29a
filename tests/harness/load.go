package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Load is a second process, which sends requests at a constant rate, whatever becomes of them; see tests/load.
type Load struct {
	stdin  io.Writer
	stdout *bufio.Reader
}

// StartLoad sends that many requests a second to an address, until the test ends.
func StartLoad(tb testing.TB, address string, rate int) *Load {
	tb.Helper()

	program := filepath.Join(tb.TempDir(), "load")
	build := exec.CommandContext(tb.Context(), "go", "build", "-o", program, "./tests/load")
	build.Dir = Root(tb)

	output, err := build.CombinedOutput()
	require.NoError(tb, err, string(output))

	command := exec.CommandContext(tb.Context(), program, address, strconv.Itoa(rate))
	command.Stderr = os.Stderr

	stdin, err := command.StdinPipe()
	require.NoError(tb, err)

	stdout, err := command.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, command.Start())
	tb.Cleanup(func() { _ = command.Wait() }) // killed when the test's context ended

	return &Load{stdin: stdin, stdout: bufio.NewReader(stdout)}
}

// Summary is what the load tells about the requests that ended since it was asked last.
type Summary struct {
	Seconds       float64        `json:"seconds"`
	Requests      int            `json:"requests"`
	Fresh         int            `json:"fresh"`
	KeepAlive     int            `json:"keep_alive"`
	Failed        map[string]int `json:"failed"`
	P99Millis     float64        `json:"p99_ms"`
	SlowestMillis float64        `json:"slowest_ms"`
}

// Next returns what has happened since it was called last.
func (l *Load) Next(tb testing.TB) Summary {
	tb.Helper()

	_, err := io.WriteString(l.stdin, "\n")
	require.NoError(tb, err)

	line, err := l.stdout.ReadBytes('\n')
	require.NoError(tb, err)

	var result Summary
	require.NoError(tb, json.Unmarshal(line, &result))

	return result
}

// Report is the table that people look at: what became of the load while something was done.
type Report struct{ rows []Row }

// Row is a line of it.
type Row struct {
	What string `json:"what"`
	// Took is the time that the case took, in seconds.
	Took float64 `json:"took_seconds"`
	Summary
}

// Add adds what has happened since began.
func (r *Report) Add(what string, began time.Time, result Summary) Row {
	added := Row{What: what, Took: time.Since(began).Seconds(), Summary: result}
	r.rows = append(r.rows, added)

	return added
}

// Failures returns how many requests failed, for whatever reason.
func (r Row) Failures() int {
	total := 0
	for _, count := range r.Failed {
		total += count
	}

	return total
}

// MustLoseNothing fails the test when a request did not get its answer in time, or there was too little load to tell.
func (r Row) MustLoseNothing(tb testing.TB, minRate int) {
	tb.Helper()

	assert.Empty(tb, r.Failed, "%s: failed requests by reason", r.What)
	assert.GreaterOrEqual(tb, float64(r.Requests)/r.Seconds, float64(minRate), "%s: requests per second", r.What)
	assert.InDelta(tb, r.Fresh, r.KeepAlive, float64(r.Requests)/10, "%s: fresh and kept-alive connections", r.What)
}

// Publish prints the table, and keeps it among the artifacts of that name.
func (r *Report) Publish(tb testing.TB, name string) {
	tb.Helper()

	var text strings.Builder

	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "case\tseconds\trequests\tper second\tfailed\tp99 ms\tslowest ms")

	for _, row := range r.rows {
		fmt.Fprintf(table, "%s\t%.1f\t%d\t%.0f\t%d\t%.1f\t%.1f\n",
			row.What, row.Took, row.Requests, float64(row.Requests)/row.Seconds, row.Failures(), row.P99Millis, row.SlowestMillis)
	}

	require.NoError(tb, table.Flush())

	for _, row := range r.rows {
		for _, reason := range slices.Sorted(maps.Keys(row.Failed)) {
			fmt.Fprintf(&text, "%s: %d × %s\n", row.What, row.Failed[reason], reason)
		}
	}

	tb.Log("\n" + text.String())

	folder := Artifacts(tb, name)
	require.NoError(tb, os.WriteFile(filepath.Join(folder, name+".txt"), []byte(text.String()), 0o600))

	data, err := json.MarshalIndent(r.rows, "", "  ")
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(filepath.Join(folder, name+".json"), append(data, '\n'), 0o600))
}
