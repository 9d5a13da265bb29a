package shout_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// command sends Redis a command, in its inline form.
func command(t *testing.T, port int, text string) error {
	t.Helper()

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer connection.Close()

	_, err = fmt.Fprintf(connection, "AUTH hidden\r\n%s\r\nQUIT\r\n", text)
	if err != nil {
		return err
	}

	reply, err := io.ReadAll(connection)
	if strings.Count(string(reply), "+") < 3 && !strings.Contains(string(reply), ":") {
		return fmt.Errorf("redis answers %q to %s", reply, text)
	}

	return err
}

func redisURL(port int) string { return fmt.Sprintf("REDIS_URL=redis://:hidden@127.0.0.1:%d/0", port) }

func manyWhileRedisStops(t *testing.T, program string) {
	whileRedis(t, program, syscall.SIGTERM)
}

func manyWhileRedisHangs(t *testing.T, program string) {
	whileRedis(t, program, syscall.SIGSTOP)
}

// whileRedis signals Redis in the middle of many requests, all of which must be answered, and starts it again.
func whileRedis(t *testing.T, program string, signal syscall.Signal) {
	t.Helper()

	const deadline = 20 * time.Second

	port := testkit.FreePort(t)
	redis := testkit.Redis(t, port)
	up := newUpstream(t, after(20*time.Millisecond))
	server := testkit.Start(t, program, "MAX_IN_FLIGHT=2048", "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=15s", redisURL(port), "REQUEST_TIMEOUT="+deadline.String())

	shout(t, server, "before")
	assert.Equal(t, "hit", shout(t, server, "before").header.Get("X-Cache"))

	started := time.Now()
	statuses := many(t, server, deadline, func() { assert.NoError(t, redis.Signal(signal)) })
	assert.Equal(t, map[int]int{http.StatusOK: clients}, statuses)
	assert.Less(t, time.Since(started), deadline/2, "no request waits for Redis")

	missing := shout(t, server, "before")
	assert.Equal(t, http.StatusOK, missing.status)
	assert.Equal(t, "miss", missing.header.Get("X-Cache"))
	assert.Contains(t, server.Output(), `"msg":"the cache fails","operation":"read"`)
	assert.NotContains(t, server.Output(), "hidden", "a password is never logged")

	require.NoError(t, redis.Stop()) // one that hangs holds the port

	testkit.Redis(t, port)
	testkit.Until(t, func() bool { return shout(t, server, "after").header.Get("X-Cache") == "hit" }, "the cache is not used again")
}

func redisIsShared(t *testing.T, program string) {
	port := testkit.FreePort(t)
	testkit.Redis(t, port)

	up, other := newUpstream(t, healthy), newUpstream(t, healthy)
	one := testkit.Start(t, program, "SHOUT_URL="+up.URL, redisURL(port))
	two := testkit.Start(t, program, "SHOUT_URL="+up.URL, redisURL(port))
	stranger := testkit.Start(t, program, "SHOUT_URL="+other.URL, redisURL(port))

	assert.Equal(t, "miss", shout(t, one, "x").header.Get("X-Cache"))
	assert.Equal(t, "hit", shout(t, two, "x").header.Get("X-Cache"))
	assert.Equal(t, "miss", shout(t, stranger, "x").header.Get("X-Cache"), "another upstream's answers are its own")
}

func redisWithRubbish(t *testing.T, program string) {
	port := testkit.FreePort(t)
	testkit.Redis(t, port)

	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, redisURL(port))
	shout(t, server, "x")

	const spoil = `EVAL "for _,k in ipairs(redis.call('KEYS','*')) do redis.call('SET',k,ARGV[1]) end return 1" 0 `

	for _, rubbish := range []string{`""`, `"{}"`, `"\x00\xff"`, `"[1]"`} {
		require.NoError(t, command(t, port, spoil+rubbish))

		got := shout(t, server, "x")
		assert.JSONEq(t, `{"data":"X"}`, got.body, rubbish)
		assert.Equal(t, "miss", got.header.Get("X-Cache"), rubbish)
		assert.Equal(t, "hit", shout(t, server, "x").header.Get("X-Cache"), rubbish)
	}

	up.become(status(http.StatusBadRequest))
	require.NoError(t, command(t, port, spoil+`"{}"`))
	assertProblem(t, shout(t, server, "x"), http.StatusBadGateway, slack) // rubbish is no stale answer
}
