package readme_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// testBench checks that it prints its table. The budgets hold on an idle machine only.
func testBench(t *testing.T) {
	t.Helper()

	bench := exec.CommandContext(t.Context(), "make", "bench")

	bench.Dir, bench.Env = testkit.Clone(t), append(os.Environ(), "BENCH_ROUNDS=1")
	output, err := bench.CombinedOutput()

	for _, row := range []string{"net/http, bare", "Gin, bare", "clockmirror, log into a pipe", "start to first answer", "resident memory, idle", "binary"} {
		assert.Contains(t, string(output), row)
	}

	if err != nil {
		assert.Contains(t, string(output), " is over ", string(output))
	}
}
