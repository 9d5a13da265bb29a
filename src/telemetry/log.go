// Package telemetry is what the program tells its operators: logs, metrics, traces, and the id that ties them together.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// flushInterval bounds how long a line below error level may wait in memory.
const flushInterval = 100 * time.Millisecond

// NewLogger returns a logger that writes to out in the given format: "json", "text", or "auto", which is text on a
// terminal and JSON elsewhere. Lines are written in batches, at the latest 100 ms after they were logged and at once from
// error level on; flush writes what is left.
func NewLogger(out io.Writer, format string, level slog.Level) (logger *slog.Logger, flush func() error) {
	terminal := isTerminal(out)
	options := &slog.HandlerOptions{Level: level}

	if format == "text" || (format == "auto" && terminal) {
		// A person who watches wants each line now.
		return slog.New(slog.NewTextHandler(out, options)), func() error { return nil }
	}

	batch := newBatchWriter(out, flushInterval)

	return slog.New(flushOnError{slog.NewJSONHandler(batch, options), batch}), batch.Flush
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)

	return ok && isatty.IsTerminal(file.Fd())
}

// flushOnError sees to it that an error is on its way before the program can die of it.
type flushOnError struct {
	slog.Handler

	batch *batchWriter
}

func (h flushOnError) Handle(ctx context.Context, record slog.Record) error {
	if err := h.Handler.Handle(ctx, record); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}

	if record.Level >= slog.LevelError {
		return h.batch.Flush()
	}

	return nil
}

func (h flushOnError) WithAttrs(attributes []slog.Attr) slog.Handler {
	return flushOnError{h.Handler.WithAttrs(attributes), h.batch}
}

func (h flushOnError) WithGroup(name string) slog.Handler {
	return flushOnError{h.Handler.WithGroup(name), h.batch}
}
