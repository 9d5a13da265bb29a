package telemetry

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A batch is written when it has reached this size: some hundred lines to one system call, and well under a pipe's 64 KiB.
const (
	batchSize = 32 << 10
	longLine  = 1 << 10 // the last line of a batch ends beyond it
)

// batchWriter gathers small writes into few large ones. A write costs as much as all the rest of a log line; under load a
// batch shares it among hundreds. It never splits what it was given, so a line stays whole.
type batchWriter struct {
	out      io.Writer
	interval time.Duration

	mutex   sync.Mutex
	pending []byte
	timer   *time.Timer // runs while anything is pending
}

func newBatchWriter(out io.Writer, interval time.Duration) *batchWriter {
	batch := &batchWriter{out: out, interval: interval, pending: make([]byte, 0, batchSize+longLine)}
	batch.timer = time.AfterFunc(interval, func() { _ = batch.Flush() })
	batch.timer.Stop()

	return batch
}

// Write keeps the line until the batch is full, the interval has passed, or Flush is called.
func (b *batchWriter) Write(line []byte) (int, error) {
	err := b.append(func(pending []byte) []byte { return append(pending, line...) })

	return len(line), err
}

// append lets a function append a line in place, which saves a copy.
func (b *batchWriter) append(add func(pending []byte) []byte) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	if len(b.pending) == 0 {
		b.timer.Reset(b.interval)
	}

	b.pending = add(b.pending)
	if len(b.pending) < batchSize {
		return nil
	}

	return b.flush()
}

// Flush writes what is pending.
func (b *batchWriter) Flush() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	return b.flush()
}

func (b *batchWriter) flush() error {
	if len(b.pending) == 0 {
		return nil
	}

	b.timer.Stop()

	_, err := b.out.Write(b.pending)
	b.pending = b.pending[:0] // also after a failure: the log must not fill the memory

	if err != nil {
		return fmt.Errorf("write the log: %w", err)
	}

	return nil
}
