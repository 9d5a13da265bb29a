package face_test

import (
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/clock"
	"github.com/clockmirror/clockmirror/src/face"
)

var update = flag.Bool("update", false, "write the golden files anew")

func draw(t *testing.T, mirrored clock.Time) string {
	t.Helper()

	painter, err := face.NewPainter()
	require.NoError(t, err)

	picture, err := painter.Draw(mirrored)
	require.NoError(t, err)

	return string(picture)
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()

	for _, text := range []string{"12:22", "12:00", "06:00", "02:11", "09:45"} {
		mirrored, err := clock.Parse(text)
		require.NoError(t, err)

		picture, golden := draw(t, mirrored), filepath.Join("testdata", strings.ReplaceAll(text, ":", "-")+".svg")

		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(picture), 0o600))
		}

		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		assert.Equal(t, string(want), picture, "%s; if it is meant, run the test with -update and look at the picture", golden)
	}
}

// document is what the test reads back of a drawing.
type document struct {
	XMLName xml.Name `xml:"http://www.w3.org/2000/svg svg"`
	Title   string   `xml:"title"`
	Desc    string   `xml:"desc"`
	Script  []string `xml:"script"`
	Faces   []struct {
		Hands []struct {
			Class     string `xml:"class,attr"`
			Transform string `xml:"transform,attr"`
		} `xml:"line"`
		Texts []string `xml:"text"`
	} `xml:"g"`
}

func TestEveryDrawing(t *testing.T) {
	t.Parallel()

	for minutes := range clock.Minutes {
		mirrored := clock.At(minutes)
		picture := draw(t, mirrored)
		require.Less(t, len(picture), 4096)

		var read document
		require.NoError(t, xml.Unmarshal([]byte(picture), &read))
		require.Len(t, read.Faces, 2)
		assert.Empty(t, read.Script)

		for i, shown := range []struct {
			minutes int // past twelve, of the hands
			caption string
		}{{minutes, "in the mirror"}, {(720 - minutes) % 720, "really"}} {
			face := read.Faces[i]
			require.Len(t, face.Hands, 2)

			// The hour hand takes 720 minutes for its 360°, so it moves with the minutes; the minute hand takes 60.
			hour := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(shown.minutes)/2), ".0")
			assert.Equal(t, "hour", face.Hands[0].Class)
			assert.Equal(t, "rotate("+hour+")", face.Hands[0].Transform)
			assert.Equal(t, "minute", face.Hands[1].Class)
			assert.Equal(t, fmt.Sprintf("rotate(%d)", shown.minutes%60*6), face.Hands[1].Transform)

			name := fmt.Sprintf("%02d:%02d", (shown.minutes/60+11)%12+1, shown.minutes%60)
			assert.Equal(t, []string{shown.caption, name}, face.Texts)
			assert.Contains(t, read.Title, name)
			assert.Contains(t, read.Desc, name)
		}
	}
}
