// Package soak_test mixes all that hostile clients do, for SOAK_DURATION, and then looks for what they left behind.
package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
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
	short          = 5 * time.Second // unless SOAK_DURATION is set
	clientsOfAKind = 8
	largest        = 64 << 10
	holding        = 2 * time.Second // how long a client holds what it is slow with
)

func TestSoak(t *testing.T) {
	testkit.Program(t, "apt-get install redis-server", "redis-server", "valkey-server") // before clients are at work

	duration := short

	if asked := os.Getenv("SOAK_DURATION"); asked != "" {
		var err error

		duration, err = time.ParseDuration(asked)
		require.NoError(t, err, "SOAK_DURATION")
	}

	reader, writer, err := os.Pipe() // the log, which is read from time to time
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })

	port := testkit.FreePort(t)
	server := testkit.StartInto(t, testkit.Build(t, false), writer,
		"SHOUT_URL="+hostileUpstream(t), "SHOUT_TIMEOUT=200ms", "SHOUT_CACHE_TTL=1s", fmt.Sprintf("REDIS_URL=redis://:hidden@127.0.0.1:%d", port),
		"REQUEST_TIMEOUT=1s", "MAX_CONNECTIONS=100", "MAX_IN_FLIGHT=50")

	attack(t, server, 2*time.Second) // all that is made once is there

	before := settled(t, server)

	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()

	var others sync.WaitGroup

	others.Go(func() { readNowAndThen(ctx, reader) })
	others.Go(func() { attack(t, server, duration) })
	changeRedis(t, port, duration)
	others.Wait()

	go func() { _, _ = io.Copy(io.Discard, reader) }()

	after := settled(t, server)
	t.Logf("goroutines %.0f, then %.0f; descriptors %.0f, then %.0f; heap %.1f MiB, then %.1f MiB",
		before.goroutines, after.goroutines, before.descriptors, after.descriptors, before.heap/(1<<20), after.heap/(1<<20))
	assert.InDelta(t, before.goroutines, after.goroutines, 8)
	assert.InDelta(t, before.descriptors, after.descriptors, 8)
	assert.Less(t, after.heap, before.heap+(4<<20))

	server.Terminate(t)
	assert.Zero(t, server.ExitCode(t))
}

// attack runs clients of every kind for a while. A probe among them must be answered.
func attack(t *testing.T, server *testkit.Server, duration time.Duration) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()

	address := strings.TrimPrefix(server.URL, "http://")
	post := "POST /shout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

	var (
		clients  sync.WaitGroup
		answered atomic.Int64
	)

	for _, request := range []string{
		"hello\r\n\r\n",
		"GET /api/echo HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /swagger/ HTTP/1.1\r\nHost: x\r\nAccept-Encoding: *;q=1, gzip;q=0\r\n\r\n",
		post + "Content-Length: 15\r\n\r\n" + `{"data":"hello"}`[:15], // not whole
		post + "Content-Length: 16\r\n\r\n" + `{"data":"hello"}`,
		post + "Content-Length: 17\r\n\r\n" + `{"data":"\ud800"}`,
		"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 19<<10), // never ends
		post + "Content-Length: 100\r\n\r\n{",                            // never ends
		"GET /swagger/doc.json HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "Content-Length: " + strconv.Itoa(largest) + "\r\n\r\n" + `{"data":"` + strings.Repeat("<", largest-11) + `"}`,
		"GET /swagger/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", // and takes nothing of the answer
	} {
		for range clientsOfAKind {
			clients.Go(func() {
				for ctx.Err() == nil {
					hold(ctx, address, request)
				}
			})
		}
	}

	clients.Go(func() {
		for ctx.Err() == nil {
			if testkit.Ready(ctx, server.URL) == nil {
				answered.Add(1)
			}
		}
	})

	clients.Wait()
	assert.Positive(t, answered.Load(), "a probe is answered")
}

// hold sends a request, and reads at most the first line of the answer before it hangs up.
func hold(ctx context.Context, address, request string) {
	ctx, cancel := context.WithTimeout(ctx, holding)
	defer cancel()

	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer connection.Close()

	deadline, _ := ctx.Deadline()
	_ = connection.SetDeadline(deadline)
	_, _ = fmt.Fprint(connection, request)
	_, _ = bufio.NewReader(connection).ReadString('\n')
}

// changeRedis has a Redis that works, hangs, is away, and is something else that answers with a length no reply has, in turn.
func changeRedis(t *testing.T, port int, duration time.Duration) {
	t.Helper()

	for begun := time.Now(); time.Since(begun) < duration; {
		redis := testkit.Redis(t, port)

		time.Sleep(holding)
		require.NoError(t, redis.Signal(syscall.SIGSTOP))
		time.Sleep(holding)
		require.NoError(t, redis.Stop())
		time.Sleep(holding)

		liar, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		require.NoError(t, err)

		go func() {
			for {
				asked, err := liar.Accept()
				if err != nil {
					return
				}

				_, _ = fmt.Fprint(asked, "$4611686018427387904\r\n")
				_ = asked.Close()
			}
		}()

		time.Sleep(holding)
		require.NoError(t, liar.Close())
	}
}

// hostileUpstream answers in turn: not at all, with an error, with a switch of protocols, to another text, well.
func hostileUpstream(t *testing.T) string {
	t.Helper()

	var turn atomic.Int64

	upstream := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)

		switch turn.Add(1) % 5 {
		case 0:
			<-request.Context().Done()
		case 1:
			writer.WriteHeader(http.StatusBadGateway)
		case 2:
			writer.WriteHeader(http.StatusSwitchingProtocols)
		case 3:
			fmt.Fprint(writer, `{"INPUT":"other","OUTPUT":"OTHER"}`)
		default:
			fmt.Fprint(writer, `{"INPUT":"olleh","OUTPUT":"OLLEH"}`)
		}
	}))
	t.Cleanup(upstream.Close)

	return upstream.URL
}

// readNowAndThen reads the log for a second and leaves it alone for two.
func readNowAndThen(ctx context.Context, log *os.File) {
	for ctx.Err() == nil {
		_ = log.SetReadDeadline(time.Now().Add(time.Second))
		_, _ = io.Copy(io.Discard, log)

		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}

	_ = log.SetReadDeadline(time.Time{})
}

// state is what could leak.
type state struct{ goroutines, descriptors, heap float64 }

// settled returns the state once all connections are gone, after a collection.
func settled(t *testing.T, server *testkit.Server) state {
	t.Helper()

	http.DefaultClient.CloseIdleConnections()
	testkit.Until(t, func() bool { return gauge(t, server, "http_connections") == 0 }, "connections stay open")
	testkit.Get(t, server.AdminURL+"/debug/pprof/heap?gc=1")

	return state{
		goroutines: gauge(t, server, "go_goroutines"), descriptors: gauge(t, server, "process_open_fds"),
		heap: gauge(t, server, "go_memstats_heap_alloc_bytes"),
	}
}

func gauge(t *testing.T, server *testkit.Server, name string) float64 {
	t.Helper()

	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(testkit.Get(t, server.AdminURL+"/metrics"))
	require.Len(t, found, 2, name)

	value, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)

	return value
}
