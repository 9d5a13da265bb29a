package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// line returns what a request looks like in the log.
func line(level slog.Level, access telemetry.Access) string {
	var out output

	logger, lines := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	telemetry.LogAccess(nil, logger, level, access) //nolint:staticcheck // SA1012: no handler here uses the context
	lines.Close()

	return out.text()
}

// slogLine returns what slog's own handler writes for it.
func slogLine(level slog.Level, access telemetry.Access) string {
	var out strings.Builder

	telemetry.LogAccess(context.Background(), slog.New(slog.NewJSONHandler(&out, nil)), level, access)

	return out.String()
}

func TestALineOfARequestIsTheOneThatSlogWrites(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		access := telemetry.Access{
			Arrived:   time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			RequestID: rapid.StringMatching(`[!#-\[\]-~]{1,128}`).Filter(plainInJSON).Draw(t, "request id"),
			Method:    rapid.SampledFrom([]string{"GET", "HEAD", "POST"}).Draw(t, "method"),
			Route:     rapid.SampledFrom([]string{"/api/echo", "/swagger/*file", "unmatched"}).Draw(t, "route"),
			Status:    rapid.IntRange(100, 599).Draw(t, "status"),
			Duration:  time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "duration")),
			Bytes:     rapid.IntRange(0, 1e9).Draw(t, "bytes"),
			Client:    rapid.SampledFrom([]string{"127.0.0.1", "fe80::1"}).Draw(t, "client"),
		}

		access.TraceID = rapid.SampledFrom([]string{"", "4bf92f3577b34da6a3ce929d0e0e4736"}).Draw(t, "trace id")
		access.Error = rapid.SampledFrom([]string{"", "panic: \"oh\"\n"}).Draw(t, "error")
		level := rapid.SampledFrom([]slog.Level{slog.LevelInfo, slog.LevelError}).Draw(t, "level")

		assert.Equal(t, slogLine(level, access), line(level, access))
	})
}

// plainInJSON removes what encoding/json escapes only for HTML.
func plainInJSON(text string) bool { return !strings.ContainsAny(text, "<>&") }

func TestBelowTheLevelNothingIsLogged(t *testing.T) { //nolint:paralleltest // allocations are counted
	logger, lines := telemetry.NewLogger(io.Discard, "json", slog.LevelError)
	defer lines.Close()

	assert.Zero(t, testing.AllocsPerRun(100, func() {
		telemetry.LogAccess(t.Context(), logger, slog.LevelInfo, telemetry.Access{})
	}))
}
