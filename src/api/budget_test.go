package api

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheBudgetFollowsFromTheMemoryLimit(t *testing.T) {
	t.Parallel()

	const mib = 1 << 20

	for name, test := range map[string]struct {
		limit, cache int64
		wanted       Budget
	}{
		"a container of 64 MiB":  {58 * mib, 8 * mib, Budget{341, 8 * mib}},
		"a container of 128 MiB": {115 * mib, 8 * mib, Budget{949, 89 * mib / 4}},
		"a container of 512 MiB": {460 * mib, 8 * mib, Budget{4629, 217 * mib / 2}},
		"too little memory":      {8 * mib, 8 * mib, Budget{leastConnections, leastBodyMemory}},
		"a cache that takes all": {64 * mib, 1 << 40, Budget{leastConnections, leastBodyMemory}},
		"no limit":               {math.MaxInt64, 8 * mib, Budget{mostConnections, mostBodyMemory}},
	} {
		assert.Equal(t, test.wanted, NewBudget(test.limit, test.cache), name)
	}
}
