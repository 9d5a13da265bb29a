package shout_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// clients ask all at the same time.
const clients = 1000

// many sends requests all at a time, calls meanwhile after a part of them is answered, and counts the statuses. Whatever
// is answered must be right, or a proper problem, and in time.
func many(t *testing.T, server *testkit.Server, deadline time.Duration, meanwhile func()) map[int]int {
	t.Helper()

	var (
		everyone sync.WaitGroup
		answered atomic.Int32
		mutex    sync.Mutex
	)

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()

	statuses := map[int]int{}

	for i := range clients {
		everyone.Go(func() {
			got, err := post(t.Context(), client, server, fmt.Sprintf("%04d 🇩🇪e\u0301<👨‍👩‍👧", i))

			if answered.Add(1) == clients/5 {
				meanwhile()
			}

			if !assert.NoError(t, err) { //nolint:testifylint // require must not be called outside of the test goroutine
				return
			}

			assert.Less(t, got.took, deadline+slack)

			if got.status == http.StatusOK {
				reversed := []byte(fmt.Sprintf("%04d", i))
				reversed[0], reversed[1], reversed[2], reversed[3] = reversed[3], reversed[2], reversed[1], reversed[0]
				assert.Equal(t, "{\"data\":\"👨‍👩‍👧<E\u0301🇩🇪 "+string(reversed)+"\"}", got.body)
			} else {
				assert.Contains(t, []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, got.status)
				assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			}

			mutex.Lock()
			defer mutex.Unlock()

			statuses[got.status]++
		})
	}

	everyone.Wait()
	t.Logf("answers by status: %v", statuses)
	assert.NotContains(t, server.Output(), "DATA RACE")

	return statuses
}

func manyWithAFlakyUpstream(t *testing.T, program string) {
	const deadline = 10 * time.Second

	up := newUpstream(t, flaky(0.2))
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=2048", "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=3s", "SHOUT_TRIES=5",
		"SHOUT_MAX_IN_FLIGHT=256", "REQUEST_TIMEOUT="+deadline.String())

	statuses := many(t, server, deadline, func() {})
	assert.Greater(t, statuses[http.StatusOK], clients*9/10, "most faults are made up for by another try")

	_, most := up.tries()
	assert.LessOrEqual(t, most, 5)
	assert.Greater(t, most, 1)

	up.become(status(http.StatusInternalServerError))
	assert.Equal(t, statuses[http.StatusOK], many(t, server, deadline, func() {})[http.StatusOK], "what is cached needs no upstream")
}
