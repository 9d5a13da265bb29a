package deployment_test

import (
	"os"
	"testing"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestMain(m *testing.M) {
	testkit.GiveWay()
	os.Exit(m.Run())
}
