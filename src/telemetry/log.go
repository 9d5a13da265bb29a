// Package telemetry provides logs, metrics and traces, and the request id that connects them.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// flushInterval limits how long a line below error level may wait in memory.
const flushInterval = 100 * time.Millisecond

// NewLogger returns a logger that writes to out in the given format: "json", "text", or "auto", which is text on a
// terminal and JSON elsewhere. JSON is written in batches, at the latest 100 ms after it was logged, and at once from
// error level on. Close the lines at the end.
func NewLogger(out io.Writer, format string, level slog.Level) (logger *slog.Logger, lines *Lines) {
	options := &slog.HandlerOptions{Level: level}
	text := format == "text" || (format == "auto" && isTerminal(out))

	handler := func(out io.Writer) slog.Handler {
		if text {
			return slog.NewTextHandler(out, options)
		}

		return slog.NewJSONHandler(out, options)
	}

	direct := slog.New(handler(out))
	report := func(dropped uint64) { direct.Warn("log lines were dropped", "count", dropped) }

	if text { // a person who watches needs each line at once
		lines = newLines(out, 0, report)

		return slog.New(handler(lines)), lines
	}

	lines = newLines(out, flushInterval, report)

	return slog.New(jsonHandler{handler(lines), zerolog.New(lines), lines}), lines
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)

	return ok && isatty.IsTerminal(file.Fd())
}

// jsonHandler writes errors at once, in case the program crashes, and has a faster path for requests.
type jsonHandler struct {
	slog.Handler

	access zerolog.Logger
	lines  *Lines
}

func (h jsonHandler) Handle(ctx context.Context, record slog.Record) error {
	if err := h.Handler.Handle(ctx, record); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}

	if record.Level >= slog.LevelError {
		h.lines.writeSoon()
	}

	return nil
}

func (h jsonHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return jsonHandler{h.Handler.WithAttrs(attributes), h.access, h.lines}
}

func (h jsonHandler) WithGroup(name string) slog.Handler {
	return jsonHandler{h.Handler.WithGroup(name), h.access, h.lines}
}
