package clock_test

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/clock"
)

var _ encoding.TextAppender = clock.Time{}

// hands are the angles of a dial's two hands in half degrees, clockwise from twelve: whole numbers at every minute.
type hands struct{ hour, minute int }

const fullTurn = 720

func handsAt(hour, minute int) hands {
	return hands{hour: (60*hour + minute) % fullTurn, minute: 12 * minute}
}

// inMirror turns each hand by itself, as glass does, and knows nothing of time.
func (h hands) inMirror() hands {
	return hands{hour: (fullTurn - h.hour) % fullTurn, minute: (fullTurn - h.minute) % fullTurn}
}

func TestMirrorIsWhatTheHandsShow(t *testing.T) {
	t.Parallel()

	shown := map[hands]string{}

	for hour := 1; hour <= 12; hour++ {
		for minute := range 60 {
			shown[handsAt(hour, minute)] = fmt.Sprintf("%02d:%02d", hour, minute)
		}
	}

	require.Len(t, shown, clock.Minutes)

	for seen, text := range shown {
		parsed, err := clock.Parse(text)
		require.NoError(t, err)
		assert.Equal(t, shown[seen.inMirror()], parsed.Mirror().String(), "in the mirror: %s", text)
	}
}

func TestMirrorOfKnownTimes(t *testing.T) {
	t.Parallel()

	for mirrored, actual := range map[string]string{
		"12:22": "11:38", "05:25": "06:35", "01:50": "10:10", "11:58": "12:02", "12:01": "11:59", "04:25": "07:35",
		"10:00": "02:00", "11:00": "01:00", "12:00": "12:00", "06:00": "06:00", "2:11": "09:49",
	} {
		parsed, err := clock.Parse(mirrored)
		require.NoError(t, err)
		assert.Equal(t, actual, parsed.Mirror().String(), "in the mirror: %s", mirrored)
	}
}

func TestMirrorHasTwoFixedPoints(t *testing.T) {
	t.Parallel()

	var fixed []string

	for minutes := range clock.Minutes {
		if at := clock.At(minutes); at.Mirror() == at {
			fixed = append(fixed, at.String())
		}
	}

	assert.Equal(t, []string{"12:00", "06:00"}, fixed)
}

func TestMirroringTwiceIsTheIdentity(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		at := clock.At(rapid.Int().Draw(t, "minutes past twelve"))
		assert.Equal(t, at, at.Mirror().Mirror())
	})
}

func TestTimeReadsBackWhatItWrites(t *testing.T) {
	t.Parallel()

	for minutes := range clock.Minutes {
		at := clock.At(minutes)
		assert.Equal(t, minutes, at.Minutes())
		assert.Equal(t, fmt.Sprintf("%02d:%02d", at.Hour(), at.Minute()), at.String())

		parsed, err := clock.Parse(at.String())
		require.NoError(t, err)
		assert.Equal(t, at, parsed)

		parsed, err = clock.Parse(strings.TrimPrefix(at.String(), "0"))
		require.NoError(t, err, "a missing leading zero is added")
		assert.Equal(t, at, parsed)
	}
}

func TestAtGoesRoundTheDial(t *testing.T) {
	t.Parallel()

	assert.Equal(t, clock.Time{}, clock.At(clock.Minutes))
	assert.Equal(t, "11:59", clock.At(-1).String())
	assert.Equal(t, "12:00", clock.At(-clock.Minutes).String())
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()

	for text, reason := range map[string]string{
		"00:20":     "hours are 1 to 12, so it is 12:20",
		"0:20":      "hours are 1 to 12, so it is 12:20",
		"13:20":     "hours are 1 to 12, so it is 01:20",
		"23:59":     "hours are 1 to 12, so it is 11:59",
		"24:00":     "hours are 1 to 12",
		"99:00":     "hours are 1 to 12",
		"13:66":     "minutes are 00 to 59",
		"12:60":     "minutes are 00 to 59",
		"":          "H:MM or HH:MM",
		":22":       "H:MM or HH:MM",
		"12":        "H:MM or HH:MM",
		"1222":      "H:MM or HH:MM",
		"12:2":      "H:MM or HH:MM",
		"1:2":       "H:MM or HH:MM",
		"12:222":    "H:MM or HH:MM",
		"012:22":    "H:MM or HH:MM",
		"12.22":     "H:MM or HH:MM",
		"12:22 ":    "H:MM or HH:MM",
		" 2:22":     "H:MM or HH:MM",
		"+2:22":     "H:MM or HH:MM",
		"-2:22":     "H:MM or HH:MM",
		"1:-2":      "H:MM or HH:MM",
		"ab:cd":     "H:MM or HH:MM",
		"a:cd":      "H:MM or HH:MM",
		"12:22\n":   "H:MM or HH:MM",
		"12:22\x00": "H:MM or HH:MM",
		"1२:22":     "H:MM or HH:MM", // a Devanagari digit
		"１:22":      "H:MM or HH:MM", // a full-width digit
		"12：22":     "H:MM or HH:MM", // a full-width colon
	} {
		_, err := clock.Parse(text)

		var wrong *clock.ParseError
		require.ErrorAs(t, err, &wrong, "%q", text)
		assert.Equal(t, text, wrong.Text)
		assert.Contains(t, err.Error(), reason, "%q", text)
	}
}

func TestParseErrorStaysShortAndPlain(t *testing.T) {
	t.Parallel()

	_, err := clock.Parse("1\x1b[31m2")
	require.EqualError(t, err, `"1\x1b[31m2" is not a time: it must be H:MM or HH:MM, such as 2:11 or 12:22`)

	_, err = clock.Parse(strings.Repeat("1", 2<<20))
	require.EqualError(t, err, "a text of 2097152 bytes is not a time: it must be H:MM or HH:MM, such as 2:11 or 12:22")
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"12:22", "2:11", "00:20", "13:66", "12:60", "", "１２:22", "1:-1"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := clock.Parse(text)
		if err != nil {
			return
		}

		written := parsed.String()
		if written != text && written != "0"+text {
			t.Errorf("%q was read as %s", text, written)
		}
	})
}

func BenchmarkParseMirrorString(b *testing.B) {
	buffer := make([]byte, 0, len("12:00"))

	b.ReportAllocs()

	for b.Loop() {
		parsed, err := clock.Parse("12:22")
		if err != nil {
			b.Fatal(err)
		}

		if _, err = parsed.Mirror().AppendText(buffer); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseMirrorFormatAllocateNothing(t *testing.T) {
	buffer := make([]byte, 0, len("12:00"))

	assert.Zero(t, testing.AllocsPerRun(100, func() {
		parsed, _ := clock.Parse("2:11")
		_, _ = parsed.Mirror().AppendText(buffer)
	}))
}
