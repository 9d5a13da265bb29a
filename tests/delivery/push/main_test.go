package push_test

import (
	"os"
	"testing"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Busy(m)) }
