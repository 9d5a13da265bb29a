package telemetry_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// line returns what a request looks like in the log.
func line(t require.TestingT, level slog.Level, access telemetry.Access) string {
	var out output

	logger, flush := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	telemetry.LogAccess(nil, logger, level, access) //nolint:staticcheck // SA1012: no handler here has use for one
	require.NoError(t, flush())

	return strings.Join(out.writes, "")
}

func TestTheQuickLineIsTheOneOfSlog(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		access := telemetry.Access{
			Arrived:   time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			RequestID: rapid.StringMatching(`[!#-\[\]-~]{1,128}`).Filter(plainInJSON).Draw(t, "request id"),
			Method:    rapid.SampledFrom([]string{"GET", "HEAD", "POST"}).Draw(t, "method"),
			Route:     rapid.SampledFrom([]string{"/clock", "/swagger/*file", "unmatched"}).Draw(t, "route"),
			Status:    rapid.IntRange(100, 599).Draw(t, "status"),
			Duration:  time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "duration")),
			Bytes:     rapid.IntRange(0, 1e9).Draw(t, "bytes"),
			Client:    rapid.SampledFrom([]string{"127.0.0.1", "fe80::1"}).Draw(t, "client"),
		}

		slow := access
		slow.TraceID = "4bf92f3577b34da6a3ce929d0e0e4736"

		assert.Equal(t,
			strings.Replace(line(t, slog.LevelInfo, slow), `,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"`, "", 1),
			line(t, slog.LevelInfo, access))
	})
}

// plainInJSON leaves out what encoding/json escapes for the sake of HTML although no JSON parser needs it.
func plainInJSON(text string) bool { return !strings.ContainsAny(text, "<>&") }

func TestTheLineOfAnErrorTellsIt(t *testing.T) {
	t.Parallel()

	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(line(t, slog.LevelError, telemetry.Access{Error: "panic: \"oh\"\n", Status: 500})), &members))
	assert.Equal(t, "panic: \"oh\"\n", members["error"])
	assert.Equal(t, "ERROR", members["level"])
	assert.InDelta(t, 500, members["status"], 0)
}

func TestBelowTheLevelNothingIsLogged(t *testing.T) { //nolint:paralleltest // allocations are counted
	logger, _ := telemetry.NewLogger(io.Discard, "json", slog.LevelError)

	assert.Zero(t, testing.AllocsPerRun(100, func() {
		telemetry.LogAccess(t.Context(), logger, slog.LevelInfo, telemetry.Access{})
	}))
}
