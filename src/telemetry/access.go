package telemetry

import (
	"context"
	"log/slog"
	"strconv"
	"time"
)

// Access is what the log tells of one request.
type Access struct {
	Arrived   time.Time
	RequestID string
	// TraceID is in hexadecimal, or empty when the request belongs to no trace.
	TraceID string
	Method  string
	// Route is the pattern that matched, not the path.
	Route    string
	Status   int
	Duration time.Duration
	// Bytes is the size of the answer's body.
	Bytes int
	// Client is an IP address.
	Client string
	// Error is what went wrong inside, or empty.
	Error string
}

// LogAccess logs a request. In JSON an uneventful one is written without the detour through records and attributes, at a
// third of the cost; the line is the one that slog's handler would write, which a test holds it to.
func LogAccess(ctx context.Context, logger *slog.Logger, level slog.Level, access Access) {
	handler := logger.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}

	if batching, ok := handler.(flushOnError); ok && level == slog.LevelInfo && access.TraceID == "" && access.Error == "" {
		_ = batching.batch.append(access.appendJSON) // when the log fails there is nowhere to say so

		return
	}

	// A record made by hand: Logger.Log would walk the stack for a source line that is always this one.
	record := slog.NewRecord(access.Arrived, level, accessMessage, 0)
	record.AddAttrs(
		slog.String("request_id", access.RequestID),
		slog.String("method", access.Method),
		slog.String("route", access.Route),
		slog.Int("status", access.Status),
		slog.Float64("duration_ms", milliseconds(access.Duration)),
		slog.Int("bytes", access.Bytes),
		slog.String("client", access.Client),
	)

	if access.TraceID != "" {
		record.AddAttrs(slog.String("trace_id", access.TraceID))
	}

	if access.Error != "" {
		record.AddAttrs(slog.String("error", access.Error))
	}

	_ = handler.Handle(ctx, record) // as above
}

const accessMessage = "request"

// appendJSON appends a whole line. None of the texts needs escaping: RequestID lets no quote or backslash through,
// net/http no method that isn't a token, routes are the program's own, and an address is an address.
func (a *Access) appendJSON(line []byte) []byte {
	line = append(line, `{"time":"`...)
	line = a.Arrived.AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"INFO","msg":"`+accessMessage+`","request_id":"`...)
	line = append(line, a.RequestID...)
	line = append(line, `","method":"`...)
	line = append(line, a.Method...)
	line = append(line, `","route":"`...)
	line = append(line, a.Route...)
	line = append(line, `","status":`...)
	line = strconv.AppendInt(line, int64(a.Status), 10)
	line = append(line, `,"duration_ms":`...)
	line = strconv.AppendFloat(line, milliseconds(a.Duration), 'f', -1, 64)
	line = append(line, `,"bytes":`...)
	line = strconv.AppendInt(line, int64(a.Bytes), 10)
	line = append(line, `,"client":"`...)
	line = append(line, a.Client...)

	return append(line, "\"}\n"...)
}

// milliseconds returns a duration to the microsecond.
func milliseconds(duration time.Duration) float64 {
	return float64(duration.Microseconds()) / float64(time.Millisecond/time.Microsecond)
}
