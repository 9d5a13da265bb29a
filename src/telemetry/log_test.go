package telemetry_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// output keeps the writes that reach it.
type output struct {
	mutex  sync.Mutex
	writes []string
	err    error
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	if o.err != nil {
		return 0, o.err
	}

	if len(data) != 0 {
		o.writes = append(o.writes, string(data))
	}

	return len(data), nil
}

func (o *output) text() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	return strings.Join(o.writes, "")
}

func (o *output) lines() []string { return strings.Split(strings.TrimSuffix(o.text(), "\n"), "\n") }

func (o *output) count() int {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	return len(o.writes)
}

func (o *output) fail(err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	o.err = err
}

func TestALineIsWrittenWithin100Milliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out output

		logger, lines := telemetry.NewLogger(&out, "json", slog.LevelInfo)
		defer lines.Close()

		for round := range 3 {
			logger.Info("one")
			logger.Info("two")
			time.Sleep(99 * time.Millisecond)
			synctest.Wait()
			assert.Equal(t, round, out.count(), "still gathered")
			time.Sleep(time.Millisecond)
			synctest.Wait()
			assert.Equal(t, round+1, out.count(), "both lines in one write")
		}

		assert.Len(t, out.lines(), 6)
	})
}

func TestAnErrorIsWrittenAtOnceWithWhatLedToIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out output

		logger, lines := telemetry.NewLogger(&out, "json", slog.LevelInfo)
		defer lines.Close()

		logger.With("a", 1).WithGroup("g").Info("before")
		synctest.Wait()
		assert.Zero(t, out.count())

		logger.With("a", 1).WithGroup("g").Error("now")
		synctest.Wait()
		assert.Equal(t, 1, out.count())
		assert.Len(t, out.lines(), 2)
	})
}

func TestEveryLineIsWrittenWholeOrCountedAsDropped(t *testing.T) {
	t.Parallel()

	const writers, each = 8, 2000

	var (
		out  output
		done sync.WaitGroup
	)

	logger, lines := telemetry.NewLogger(&out, "json", slog.LevelInfo)

	for range writers {
		done.Go(func() {
			for i := range each {
				logger.Info(strings.Repeat("x", i%200))
			}
		})
	}

	done.Wait()
	lines.Close()

	written := 0

	for _, line := range out.lines() {
		require.True(t, json.Valid([]byte(line)), line)

		if !strings.Contains(line, "log lines were dropped") {
			written++
		}
	}

	assert.Equal(t, writers*each, written+int(lines.Dropped()))
	assert.Less(t, out.count(), writers*each/50, "few writes")
}

func TestFormats(t *testing.T) {
	t.Parallel()

	for format, start := range map[string]string{"json": "{", "auto": "{", "text": "time="} {
		var out output

		logger, lines := telemetry.NewLogger(&out, format, slog.LevelWarn)
		logger.Info("below the level")
		logger.Warn("hello")
		lines.Close()
		assert.True(t, strings.HasPrefix(out.text(), start), "%s: %s", format, out.text())
		assert.Equal(t, 1, strings.Count(out.text(), "\n"))
	}

	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)

	logger, lines := telemetry.NewLogger(file, "auto", slog.LevelInfo)
	logger.Info("a file is no terminal")
	lines.Close()

	written, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.True(t, json.Valid(written))
	require.NoError(t, file.Close())
}

func TestLinesThatAFailingOutputRefusesAreCountedAndReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out output

		out.fail(errors.New("disk full"))

		logger, lines := telemetry.NewLogger(&out, "json", slog.LevelInfo)
		defer lines.Close()

		for range 1000 {
			logger.Info("lost")
		}

		time.Sleep(time.Second)
		assert.Equal(t, uint64(1000), lines.Dropped())

		out.fail(nil)
		logger.Info("kept")
		time.Sleep(time.Second)
		assert.Contains(t, out.text(), `"msg":"kept"`)
		assert.Contains(t, out.text(), `"msg":"log lines were dropped","count":1000`)
	})
}

func TestAnOutputThatNobodyReadsBlocksNobody(t *testing.T) {
	t.Parallel()

	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reader, writer := io.Pipe() // it buffers nothing
				logger, lines := telemetry.NewLogger(writer, format, slog.LevelInfo)

				const logged = 20_000
				for range logged {
					logger.Info(strings.Repeat("x", 100))
				}

				assert.Positive(t, lines.Dropped())
				assert.Less(t, lines.Dropped(), uint64(logged), "the number of pending lines is limited")

				started := time.Now()

				lines.Close()
				assert.Equal(t, time.Second, time.Since(started), "closing takes one second at most")

				_ = reader.Close() // ends the goroutine
			})
		})
	}
}
