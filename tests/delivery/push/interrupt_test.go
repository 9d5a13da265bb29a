package push_test

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/rehearsaltest"
)

// Ctrl-C at any point leaves nothing running.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	rehearsaltest.Machine(t)

	for _, line := range []string{"setting up", "Source "} {
		t.Run("after "+line, func(t *testing.T) {
			var printed testkit.Buffer

			command := exec.CommandContext(t.Context(), "make", "rehearse")
			command.Dir, command.Stdout, command.Stderr = testkit.Root(t), &printed, &printed
			process, err := proc.Start(command)
			require.NoError(t, err)
			t.Cleanup(func() { _ = process.Signal(syscall.SIGINT) }) // if it goes on, that is for nothing

			testkit.EventuallyWithin(t, 10*time.Minute, func() error {
				if !strings.Contains(printed.String(), line) {
					return fmt.Errorf("it did not reach %q: %s", line, printed.String())
				}

				return nil
			})

			// A terminal signals the whole process group.
			require.NoError(t, process.Signal(syscall.SIGINT))
			require.Error(t, process.Wait())
			assert.Contains(t, printed.String(), "interrupted; nothing runs any more")

			rehearsaltest.RequireNothingLeft(t, testkit.Root(t), rehearsaltest.ID(t, printed.String()))
		})
	}
}
