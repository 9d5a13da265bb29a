package rehearsal_test

import (
	"flag"
	"os"
	"testing"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// All rehearsals run side by side, however few cores there are: most of the time they wait.
func TestMain(m *testing.M) {
	flag.Parse()

	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}

	os.Exit(testkit.Alone(m))
}
