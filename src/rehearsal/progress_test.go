package rehearsal

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		live bool
		want string
	}{
		{false, "first\nsecond\n"},
		{true, clearLine + "first\n" + clearLine + clearLine + "Build: make image" + clearLine + "second\n" + clearLine + "Build: make image" + clearLine},
	} {
		var out bytes.Buffer

		shown := &progress{out: &out, live: row.live}
		build := &watcher{who: "Build", on: shown}

		shown.sayf("first")

		// As it comes: in pieces.
		for _, piece := range []string{"[rehearsal] running com", "mand make image\nsomething", " else\n"} {
			_, err := io.WriteString(build, piece)
			require.NoError(t, err)
		}

		shown.sayf("second")
		shown.does("Build", "")
		assert.Equal(t, row.want, out.String())
	}
}
