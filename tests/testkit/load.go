package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/load"
)

// Load is a process that sends requests at a constant rate, without waiting for answers; see src/rehearsal/load/generator.
type Load struct{ generator *load.Load }

// StartLoad sends requests to an address until the test ends; rate is per second.
func StartLoad(tb testing.TB, address string, rate int) *Load {
	tb.Helper()

	program, err := load.Build(tb.Context(), Root(tb), tb.TempDir())
	require.NoError(tb, err)

	generator, err := load.Start(program, load.Target{URL: "http://" + address, Address: address}, rate)
	require.NoError(tb, err)
	tb.Cleanup(func() { assert.NoError(tb, generator.Stop()) })

	return &Load{generator: generator}
}

// Summary describes the requests that ended since the last call of Next.
type Summary = load.Summary

// Next returns the summary since its last call.
func (l *Load) Next(tb testing.TB) Summary {
	tb.Helper()

	summary, err := l.generator.Next()
	require.NoError(tb, err)

	return summary
}

// Report is a table for people: the results of the load during each step of a test.
type Report struct{ rows []Row }

// Row is one row of a report.
type Row struct {
	What string `json:"what"`
	// Took is how long the step took, in seconds.
	Took float64 `json:"took_seconds"`
	Summary
}

// Add adds the row of a step that started at began.
func (r *Report) Add(what string, began time.Time, result Summary) Row {
	added := Row{What: what, Took: time.Since(began).Seconds(), Summary: result}
	r.rows = append(r.rows, added)

	return added
}

// MustLoseNothing fails the test if a request was not answered in time, or if the load was too low for a result.
func (r Row) MustLoseNothing(tb testing.TB, minRate int) {
	tb.Helper()

	assert.Empty(tb, r.Failed, "%s: failed requests by reason", r.What)
	assert.Empty(tb, r.Slow.Failed, "%s: failed slow requests by reason", r.What)
	assert.GreaterOrEqual(tb, float64(r.Requests)/r.Seconds, float64(minRate), "%s: requests per second", r.What)
	assert.InDelta(tb, r.Fresh, r.KeepAlive, float64(r.Requests)/10, "%s: fresh and kept-alive connections", r.What)
}

// Publish logs the table, and writes it to the artifacts with that name.
func (r *Report) Publish(tb testing.TB, name string) {
	tb.Helper()

	var text strings.Builder

	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "case\tseconds\trequests\tper second\tfailed\tp99 ms\tslowest ms\tslow\tfailed")

	for _, row := range r.rows {
		fmt.Fprintf(table, "%s\t%.1f\t%d\t%.0f\t%d\t%.1f\t%.1f\t%d\t%d\n",
			row.What, row.Took, row.Requests, float64(row.Requests)/row.Seconds, row.Failures(), row.P99Millis, row.SlowestMillis,
			row.Slow.Requests, row.Slow.Failures())
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
