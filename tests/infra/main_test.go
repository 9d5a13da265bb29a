package infra_test

import (
	"flag"
	"os"
	"testing"
)

// Most of the time the stacks wait for the emulator, as the provider waits for AWS, so more of them can be under way than
// there are cores.
func TestMain(m *testing.M) {
	flag.Parse()

	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}

	os.Exit(m.Run())
}
