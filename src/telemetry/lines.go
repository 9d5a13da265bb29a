package telemetry

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// batchSize is the size at which a batch is written: some hundred lines per system call, well under a pipe's 64 KiB.
	batchSize = 32 << 10
	// maxPending limits what is kept while the output is blocked: some 4,000 lines.
	maxPending = 1 << 20
	// closePatience limits how long the program waits at its end for the last lines.
	closePatience = time.Second
)

// Lines collects log lines and writes them in batches, in its own goroutine, so that logging never waits for the reader of
// the log. Lines that don't fit, or that the output refuses, are dropped and counted. A line is never split.
type Lines struct {
	out      io.Writer
	interval time.Duration
	report   func(dropped uint64) // writes to out that lines were dropped

	mutex   sync.Mutex
	pending []byte
	timer   *time.Timer // runs while anything is pending

	dropped atomic.Uint64
	wake    chan struct{}
	closing chan struct{}
	done    chan struct{}
}

func newLines(out io.Writer, interval time.Duration, report func(dropped uint64)) *Lines {
	lines := &Lines{
		out: out, interval: interval, report: report,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{}),
	}
	lines.timer = time.AfterFunc(interval, lines.writeSoon)
	lines.timer.Stop()

	go lines.run()

	return lines
}

// Write keeps a line for the next batch. It never blocks and never fails.
func (l *Lines) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	if len(l.pending)+len(line) > maxPending {
		l.dropped.Add(1)

		return len(line), nil
	}

	if len(l.pending) == 0 {
		l.timer.Reset(l.interval)
	}

	l.pending = append(l.pending, line...)
	if len(l.pending) >= batchSize {
		l.writeSoon()
	}

	return len(line), nil
}

// Dropped returns how many lines were dropped since the start.
func (l *Lines) Dropped() uint64 { return l.dropped.Load() }

// Close writes what is pending, and gives up after a second: a blocked output must not delay the stop.
func (l *Lines) Close() {
	close(l.closing)

	select {
	case <-l.done:
	case <-time.After(closePatience):
	}
}

// writeSoon asks the goroutine for a batch now.
func (l *Lines) writeSoon() {
	select {
	case l.wake <- struct{}{}:
	default: // a request is pending
	}
}

func (l *Lines) run() {
	defer close(l.done)

	var (
		batch    []byte
		reported uint64
	)

	for {
		closing := false

		select {
		case <-l.wake:
		case <-l.closing:
			closing = true
		}

		batch = l.take(batch)
		if _, err := l.out.Write(batch); err != nil {
			l.dropped.Add(uint64(bytes.Count(batch, []byte("\n")))) //nolint:gosec // G115: a count is not negative
		} else if dropped := l.Dropped(); dropped != reported {
			l.report(dropped - reported)
			reported = dropped
		}

		if closing {
			l.timer.Stop()

			return
		}
	}
}

// take returns what is pending, and leaves an empty buffer in its place.
func (l *Lines) take(empty []byte) []byte {
	l.mutex.Lock()
	defer l.mutex.Unlock()

	l.timer.Stop()

	batch := l.pending
	l.pending = empty[:0]

	return batch
}
