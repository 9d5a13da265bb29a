package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// output counts the writes that reach it.
type output struct {
	mutex  sync.Mutex
	writes []string
	err    error
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	o.writes = append(o.writes, string(data))

	return len(data), o.err
}

func (o *output) lines() []string {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	return strings.Split(strings.TrimSuffix(strings.Join(o.writes, ""), "\n"), "\n")
}

func (o *output) count() int {
	o.mutex.Lock()
	defer o.mutex.Unlock()

	return len(o.writes)
}

func TestALineIsWrittenWithin100Milliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out output

		logger, _ := telemetry.NewLogger(&out, "json", slog.LevelInfo)

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

	var out output

	logger, _ := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	logger.With("a", 1).WithGroup("g").Info("before")
	assert.Zero(t, out.count())
	logger.With("a", 1).WithGroup("g").Error("now")
	assert.Equal(t, 1, out.count())
	assert.Len(t, out.lines(), 2)
}

func TestNoLineIsLostOrCutUnderLoad(t *testing.T) {
	t.Parallel()

	const writers, each = 8, 2000

	var (
		out  output
		done sync.WaitGroup
	)

	logger, flush := telemetry.NewLogger(&out, "json", slog.LevelInfo)

	for range writers {
		done.Go(func() {
			for i := range each {
				logger.Info(strings.Repeat("x", i%200))
			}
		})
	}

	done.Wait()
	require.NoError(t, flush())
	require.NoError(t, flush(), "with nothing pending")

	lines := out.lines()
	require.Len(t, lines, writers*each)

	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), line)
	}

	assert.Less(t, out.count(), writers*each/50, "few writes")
}

func TestFormats(t *testing.T) {
	t.Parallel()

	for format, start := range map[string]string{"json": "{", "auto": "{", "text": "time="} {
		var out bytes.Buffer

		logger, flush := telemetry.NewLogger(&out, format, slog.LevelWarn)
		logger.Info("below the level")
		logger.Warn("hello")
		require.NoError(t, flush())
		assert.True(t, strings.HasPrefix(out.String(), start), "%s: %s", format, out.String())
		assert.Equal(t, 1, strings.Count(out.String(), "\n"))
	}

	pipe, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)

	logger, flush := telemetry.NewLogger(pipe, "auto", slog.LevelInfo)
	logger.Info("a file is no terminal")
	require.NoError(t, flush())

	written, err := os.ReadFile(pipe.Name())
	require.NoError(t, err)
	assert.True(t, json.Valid(written))
	require.NoError(t, pipe.Close())
}

func TestAFailingOutputIsReportedAndFillsNoMemory(t *testing.T) {
	t.Parallel()

	full := errors.New("disk full")
	out := output{err: full}

	logger, flush := telemetry.NewLogger(&out, "json", slog.LevelInfo)
	logger.Info("lost")
	require.ErrorIs(t, flush(), full)
	require.NoError(t, flush())

	for i := range 1000 {
		logger.Info(fmt.Sprint(i, strings.Repeat("x", 100)))
	}

	for _, write := range out.writes {
		assert.Less(t, len(write), 33<<10)
	}
}
