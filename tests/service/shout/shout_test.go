package shout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	clients = 1000
	// slack is what a machine that does much else may add to a deadline.
	slack = 3 * time.Second
)

func TestShout(t *testing.T) {
	t.Parallel()

	program := testkit.Build(t, true)

	for name, test := range map[string]func(*testing.T, string){
		"CacheTells":                 cacheTells,
		"OutgoingRequests":           outgoingRequests,
		"IdenticalRequestsShareATry": identicalRequests,
		"Faults":                     faults,
		"Breaker":                    breaker,
		"Stale":                      stale,
		"SlowBody":                   slowBody,
		"ManyWithAFlakyUpstream":     manyWithAFlakyUpstream,
		"ManyWhileRedisStops":        manyWhileRedisStops,
		"ManyWhileRedisHangs":        manyWhileRedisHangs,
		"RedisIsShared":              redisIsShared,
		"RedisWithRubbish":           redisWithRubbish,
	} {
		t.Run(name, func(t *testing.T) { test(t, program) }) // one after the other: some measure time
	}
}

// answer is a response, read to its end, with the time that it took.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// post shouts a text.
func post(ctx context.Context, client *http.Client, server *testkit.Server, text string, header ...string) (answer, error) {
	body, err := json.Marshal(map[string]string{"data": text})
	if err != nil {
		return answer{}, err
	}

	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/shout", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}

	request.Header.Set("Content-Type", "application/json")

	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Set(name, value)
	}

	started := time.Now()

	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()

	content, err := io.ReadAll(response.Body)

	return answer{response.StatusCode, response.Header, string(content), time.Since(started)}, err
}

func shout(t *testing.T, server *testkit.Server, text string, header ...string) answer {
	t.Helper()

	got, err := post(t.Context(), http.DefaultClient, server, text, header...)
	require.NoError(t, err)

	return got
}

// metric returns the value of a series.
func metric(t *testing.T, server *testkit.Server, series string) float64 {
	t.Helper()

	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(testkit.Get(t, server.AdminURL+"/metrics"))
	require.NotNil(t, found, series)

	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)

	return value
}

func cacheTells(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)

	first := shout(t, server, "cafe\u0301 🇩🇪")
	assert.Equal(t, http.StatusOK, first.status)
	assert.JSONEq(t, "{\"data\":\"🇩🇪 E\u0301FAC\"}", first.body)
	assert.Equal(t, "miss", first.header.Get("X-Cache"))
	assert.Empty(t, first.header.Values("Age"))

	second := shout(t, server, "cafe\u0301 🇩🇪")
	assert.Equal(t, first.body, second.body)
	assert.Equal(t, "hit", second.header.Get("X-Cache"))
	assert.Equal(t, "0", second.header.Get("Age"))
	assert.Empty(t, second.header.Values("Warning"))

	total, _ := up.tries()
	assert.Equal(t, 1, total)
	assert.InDelta(t, 1, metric(t, server, `shout_answers_total{cache="hit"}`), 0)
	assert.InDelta(t, 1, metric(t, server, `shout_answers_total{cache="miss"}`), 0)
	assert.InDelta(t, 1, metric(t, server, `shout_upstream_tries_total{outcome="ok"}`), 0)

	uncached := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_CACHE_BYTES=0")
	shout(t, uncached, "x")
	assert.Equal(t, "miss", shout(t, uncached, "x").header.Get("X-Cache"))
}

func outgoingRequests(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)
	shout(t, server, "x", "X-Request-Id: some-id", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")

	assert.Equal(t, "some-id", up.last.Get("X-Request-Id"))
	assert.Regexp(t, "^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$", up.last.Get("Traceparent"))

	got := shout(t, server, "y")
	assert.Equal(t, got.header.Get("X-Request-Id"), up.last.Get("X-Request-Id"))
	assert.Empty(t, up.last.Values("Traceparent"), "nobody traces this one")
}

func identicalRequests(t *testing.T, program string) {
	up := newUpstream(t, after(200*time.Millisecond))
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL)

	var everyone sync.WaitGroup
	for range 100 {
		everyone.Go(func() {
			got, err := post(t.Context(), http.DefaultClient, server, "same")
			if assert.NoError(t, err) {
				assert.JSONEq(t, `{"data":"EMAS"}`, got.body)
			}
		})
	}

	everyone.Wait()

	total, _ := up.tries()
	assert.Equal(t, 1, total)
}

// assertProblem checks a failure, and that it was told in time.
func assertProblem(t *testing.T, got answer, status int, within time.Duration) {
	t.Helper()
	assert.Equal(t, status, got.status, got.body)
	assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	assert.NotContains(t, got.body, "127.0.0.1", "nobody needs to know where the upstream is")
	assert.Less(t, got.took, within)

	var problem struct {
		Status int `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &problem), got.body)
	assert.Equal(t, status, problem.Status)
}

func faults(t *testing.T, program string) {
	for name, expected := range map[string]struct {
		fault         fault
		status, tries int
	}{
		"500":         {status(http.StatusInternalServerError), http.StatusBadGateway, 2},
		"503":         {status(http.StatusServiceUnavailable), http.StatusBadGateway, 2},
		"400":         {status(http.StatusBadRequest), http.StatusBadGateway, 1},
		"redirect":    {status(http.StatusFound), http.StatusBadGateway, 1},
		"reset":       {reset, http.StatusBadGateway, 2},
		"truncated":   {truncated, http.StatusBadGateway, 2},
		"huge":        {endless, http.StatusBadGateway, 1},
		"HTML":        {body("<h1>Welcome</h1>"), http.StatusBadGateway, 1},
		"no input":    {body(`{"OUTPUT":"X"}`), http.StatusBadGateway, 1},
		"101":         {switchesProtocols, http.StatusBadGateway, 1},
		"other input": {body(`{"INPUT":"other","OUTPUT":"OTHER"}`), http.StatusBadGateway, 1},
		"no output":   {body(`{"INPUT":"x"}`), http.StatusBadGateway, 1},
		"silent":      {silent, http.StatusGatewayTimeout, 2},
		"too late":    {after(time.Minute), http.StatusGatewayTimeout, 2},
	} {
		t.Run(name, func(t *testing.T) {
			up := newUpstream(t, expected.fault)
			server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TRIES=2", "SHOUT_TIMEOUT=500ms")
			assertProblem(t, shout(t, server, "x"), expected.status, time.Second+slack)

			total, _ := up.tries()
			assert.Equal(t, expected.tries, total)
			testkit.Eventually(t, func() error { // operators learn more
				if !strings.Contains(server.Output(), `"error":"`) {
					return errors.New("no error in the log: " + server.Output())
				}

				return nil
			})
		})
	}

	t.Run("nobody listens", func(t *testing.T) {
		server := testkit.Start(t, program, fmt.Sprintf("SHOUT_URL=http://127.0.0.1:%d", testkit.FreePort(t)))
		assertProblem(t, shout(t, server, "x"), http.StatusBadGateway, time.Second+slack)
	})

	t.Run("the whole request takes too long", func(t *testing.T) {
		up := newUpstream(t, silent)
		server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=1m", "REQUEST_TIMEOUT=500ms")
		assertProblem(t, shout(t, server, "x"), http.StatusGatewayTimeout, 500*time.Millisecond+slack)
	})
}

func breaker(t *testing.T, program string) {
	up := newUpstream(t, status(http.StatusInternalServerError))
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TRIES=1")

	for i := range 20 {
		assertProblem(t, shout(t, server, strconv.Itoa(i)), http.StatusBadGateway, slack)
	}

	open := shout(t, server, "x")
	assertProblem(t, open, http.StatusServiceUnavailable, slack)
	assert.Regexp(t, "^[1-5]$", open.header.Get("Retry-After"))
	assert.InDelta(t, 1, metric(t, server, "shout_breaker_open"), 0)

	total, _ := up.tries()
	assert.Equal(t, 20, total, "it is skipped for a while")

	up.become(healthy)
	testkit.Eventually(t, func() error {
		if got := shout(t, server, "x"); got.status != http.StatusOK {
			return fmt.Errorf("%d %s", got.status, got.body)
		}

		return nil
	})
}

func stale(t *testing.T, program string) {
	up := newUpstream(t, healthy)
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_CACHE_TTL=1ms", "SHOUT_TRIES=1", "SHOUT_TIMEOUT=200ms")
	assert.Equal(t, "miss", shout(t, server, "x").header.Get("X-Cache"))

	for name, spoil := range map[string]fault{"500": status(http.StatusInternalServerError), "silent": silent, "reset": reset} {
		up.become(spoil)

		got := shout(t, server, "x")
		assert.Equal(t, http.StatusOK, got.status, name)
		assert.JSONEq(t, `{"data":"X"}`, got.body, name)
		assert.Equal(t, "stale", got.header.Get("X-Cache"), name)
		assert.Equal(t, `110 clockmirror "Response is Stale"`, got.header.Get("Warning"), name)
		assert.Regexp(t, "^[0-9]+$", got.header.Get("Age"), name)
	}

	assert.InDelta(t, 3, metric(t, server, `shout_answers_total{cache="stale"}`), 0)
}

func slowBody(t *testing.T, program string) {
	address, err := url.Parse(testkit.Start(t, program, "REQUEST_TIMEOUT=300ms").URL)
	require.NoError(t, err)

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
	require.NoError(t, err)

	defer connection.Close()

	require.NoError(t, connection.SetDeadline(time.Now().Add(testkit.Patience)))

	_, err = fmt.Fprint(connection, "POST /shout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"data\"")
	require.NoError(t, err)

	answer, err := io.ReadAll(connection)
	require.NoError(t, err, "the server closes the connection")
	assert.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 408 Request Timeout\r\n"), string(answer))
	assert.Contains(t, string(answer), "the body took too long to arrive")
}

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
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=3s", "SHOUT_TRIES=5",
		"SHOUT_MAX_IN_FLIGHT=256", "REQUEST_TIMEOUT="+deadline.String())

	statuses := many(t, server, deadline, func() {})
	assert.Greater(t, statuses[http.StatusOK], clients*9/10, "most faults are made up for by another try")

	_, most := up.tries()
	assert.LessOrEqual(t, most, 5)
	assert.Greater(t, most, 1)

	up.become(status(http.StatusInternalServerError))
	assert.Equal(t, statuses[http.StatusOK], many(t, server, deadline, func() {})[http.StatusOK], "what is cached needs no upstream")
}

// startRedis starts a Redis that keeps nothing on disk, and returns it once it answers.
func startRedis(t *testing.T, port int) *exec.Cmd {
	t.Helper()

	redis := exec.Command( //nolint:noctx // it is killed below, when the test ends
		testkit.Program(t, "apt-get install redis-server", "redis-server", "valkey-server"),
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--requirepass", "hidden")
	require.NoError(t, redis.Start())

	t.Cleanup(func() {
		_ = redis.Process.Kill() // it may have ended long ago
		_ = redis.Wait()
	})

	testkit.Eventually(t, func() error { return command(t, port, "PING") })

	return redis
}

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
	whileRedis(t, program, func(redis *exec.Cmd) { assert.NoError(t, redis.Process.Signal(syscall.SIGTERM)) })
}

func manyWhileRedisHangs(t *testing.T, program string) {
	whileRedis(t, program, func(redis *exec.Cmd) { assert.NoError(t, redis.Process.Signal(syscall.SIGSTOP)) })
}

// whileRedis lets Redis go in the middle of many requests, all of which must be answered, and come back.
func whileRedis(t *testing.T, program string, goes func(*exec.Cmd)) {
	t.Helper()

	const deadline = 20 * time.Second

	port := testkit.FreePort(t)
	redis := startRedis(t, port)
	up := newUpstream(t, after(20*time.Millisecond))
	server := testkit.Start(t, program, "SHOUT_URL="+up.URL, "SHOUT_TIMEOUT=15s", redisURL(port), "REQUEST_TIMEOUT="+deadline.String())

	shout(t, server, "before")
	assert.Equal(t, "hit", shout(t, server, "before").header.Get("X-Cache"))

	started := time.Now()
	statuses := many(t, server, deadline, func() { goes(redis) })
	assert.Equal(t, map[int]int{http.StatusOK: clients}, statuses)
	assert.Less(t, time.Since(started), deadline/2, "nobody waits for Redis")

	missing := shout(t, server, "before")
	assert.Equal(t, http.StatusOK, missing.status)
	assert.Equal(t, "miss", missing.header.Get("X-Cache"))
	assert.Contains(t, server.Output(), `"msg":"the cache fails","operation":"read"`)
	assert.NotContains(t, server.Output(), "hidden", "a password is never logged")

	_ = redis.Process.Kill() // one that hangs holds the port
	_ = redis.Wait()

	startRedis(t, port)
	testkit.Eventually(t, func() error {
		if cache := shout(t, server, "after").header.Get("X-Cache"); cache != "hit" {
			return fmt.Errorf("X-Cache is %s", cache)
		}

		return nil
	})
}

func redisIsShared(t *testing.T, program string) {
	port := testkit.FreePort(t)
	startRedis(t, port)

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
	startRedis(t, port)

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
