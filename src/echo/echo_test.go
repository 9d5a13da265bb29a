package echo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/echo"
)

func TestEveryTextComesBackAsItIs(t *testing.T) {
	t.Parallel()

	for _, text := range []string{"", "foo", " ", "\x00", "<b>&\"'", "👨‍👩‍👧", "e\u0301", strings.Repeat("x", echo.Longest)} {
		echoed, err := echo.Text(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, text, echoed)
	}

	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(-1, -1, echo.Longest).Draw(t, "text")
		echoed, err := echo.Text(text)
		require.NoError(t, err)
		assert.Equal(t, text, echoed)
	})
}

func TestWrongTexts(t *testing.T) {
	t.Parallel()

	_, err := echo.Text(strings.Repeat("x", echo.Longest+1))
	require.EqualError(t, err, "is 4097 bytes long; the limit is 4096")

	for _, text := range []string{"\xff", "a\xc3", "\xed\xa0\x80"} {
		_, err = echo.Text(text)
		require.ErrorContains(t, err, "is not UTF-8", "%q", text)
	}
}
