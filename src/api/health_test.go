package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInWords(t *testing.T) {
	t.Parallel()

	for text, words := range map[string]string{
		"0s":             "0 seconds",
		"999ms":          "0 seconds",
		"1s":             "1 second",
		"59s":            "59 seconds",
		"1m":             "1 minute",
		"1m1s":           "1 minute and 1 second",
		"2h3m4s":         "2 hours, 3 minutes and 4 seconds",
		"1h0m1s":         "1 hour and 1 second",
		"24h":            "1 day",
		"100h59m59s":     "4 days, 4 hours, 59 minutes and 59 seconds",
		"49h0m0s":        "2 days and 1 hour",
		"8760h0m0.9999s": "365 days",
	} {
		duration, err := time.ParseDuration(text)
		require.NoError(t, err)
		assert.Equal(t, words, inWords(duration), text)
	}
}
