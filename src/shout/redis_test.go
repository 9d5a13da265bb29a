package shout_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/shout"
)

// patience is longer than a busy machine needs for an answer: a test that is not about time must not end with a timeout.
const patience = 3 * time.Second

// fakeRedis answers each command on a connection with what reply returns, and closes it after an empty one.
type fakeRedis struct {
	address string

	mutex sync.Mutex
	reply func(command string) string
}

func (f *fakeRedis) become(reply func(command string) string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()

	f.reply = reply
}

func always(reply string) func(string) string { return func(string) string { return reply } }

// healthyRedis has no entry and takes all of them.
func healthyRedis(command string) string {
	if command == "GET" {
		return "$-1\r\n"
	}

	return "+OK\r\n"
}

// inOrder answers the preparation of a connection as it should, and GET and SET with the reply.
func inOrder(reply string) func(string) string {
	return func(command string) string {
		if command == "GET" || command == "SET" {
			return reply
		}

		return "+OK\r\n"
	}
}

func newFakeRedis(t testing.TB, reply func(command string) string) (*fakeRedis, *shout.Redis) {
	t.Helper()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	fake := &fakeRedis{address: listener.Addr().String(), reply: reply}

	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}

			go fake.serve(connection)
		}
	}()

	cache := newRedis(t, "redis://:hidden@"+fake.address)

	return fake, cache
}

func newRedis(t testing.TB, address string) *shout.Redis {
	t.Helper()

	parsed, err := url.Parse(address)
	require.NoError(t, err)

	cache := shout.NewRedis(parsed, "test", time.Minute, patience)

	t.Cleanup(func() { assert.NoError(t, cache.Close()) })

	return cache
}

func (f *fakeRedis) serve(connection net.Conn) {
	defer connection.Close()

	for lines := bufio.NewReader(connection); ; {
		var count, length int
		if _, err := fmt.Fscanf(lines, "*%d\r\n", &count); err != nil {
			return
		}

		var words []string

		for range count {
			if _, err := fmt.Fscanf(lines, "$%d\r\n", &length); err != nil {
				return
			}

			word := make([]byte, length+len("\r\n"))
			if _, err := io.ReadFull(lines, word); err != nil {
				return
			}

			words = append(words, string(word[:length]))
		}

		f.mutex.Lock()
		reply := f.reply(words[0])
		f.mutex.Unlock()

		if _, err := io.WriteString(connection, reply); err != nil || reply == "" {
			return
		}
	}
}

func requireKind(t *testing.T, kind shout.Kind, err error) {
	t.Helper()

	failure, ok := errors.AsType[*shout.CacheError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, kind, failure.Kind, err)
	assert.NotContains(t, err.Error(), "hidden")
}

// hostileReplies are such as end the process with a client that reserves what a length asks for, or reads by recursion.
func hostileReplies() map[string]string {
	return map[string]string{
		"a length that no slice can have":  "$4611686018427387904\r\n",
		"a length that overflows":          "$99999999999999999999\r\n",
		"a length that no memory can hold": "$274877906944\r\n",
		"a length beyond the limit":        "$2097153\r\n",
		"a negative length":                "$-2\r\n",
		"a length in letters":              "$many\r\n",
		"no length":                        "$\r\n",
		"an array that no slice can have":  "*4611686018427387904\r\n",
		"a large array":                    "*1000000000\r\n",
		"a negative array":                 "*-2\r\n",
		"nested arrays":                    strings.Repeat("*1\r\n", 1<<20),
		"a map":                            "%1\r\n+a\r\n+b\r\n",
		"a push":                           ">1\r\n+a\r\n",
		"an unknown type":                  "@1\r\n",
		"an empty line":                    "\r\n",
		"no carriage return":               "$1\nx\n",
		"a line without end":               "+" + strings.Repeat("x", 1<<20),
	}
}

func TestNoReplyOfARedisEndsTheProcess(t *testing.T) {
	t.Parallel()

	for name, reply := range hostileReplies() {
		for when, answers := range map[string]func(string) string{"to GET": inOrder(reply), "to AUTH": always(reply)} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()

				_, cache := newFakeRedis(t, answers)
				_, ok, err := cache.Get(t.Context(), "x")
				require.Error(t, err)
				assert.False(t, ok)
				assert.NotContains(t, err.Error(), "hidden")
			})
		}
	}
}

func TestAnyReplyOfARedisIsAnErrorOrAnEntry(t *testing.T) {
	t.Parallel()

	fake, _ := newFakeRedis(t, healthyRedis)
	address, err := url.Parse("redis://" + fake.address)
	require.NoError(t, err)

	rapid.Check(t, func(t *rapid.T) {
		reply := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"$", "*", "+", "-", ":", "%", "_", "0", "1", "9", "-1", "9999999", "\r\n", "\n", "x", "{}", "\x00",
		}), 1, 20).Draw(t, "reply"), "")
		fake.become(inOrder(reply + "\r\n+OK\r\n"))

		cache := shout.NewRedis(address, "test", time.Minute, 100*time.Millisecond) // a new one, as its breaker is closed
		_, ok, _ := cache.Get(t.Context(), "x")                                     // whether it is an error is not the point
		assert.False(t, ok)
		require.NoError(t, cache.Close())
	})
}

func TestFailuresOfARedisAreToldByTheirKind(t *testing.T) {
	t.Parallel()

	for name, failure := range map[string]struct {
		reply func(string) string
		kind  shout.Kind
	}{
		"a wrong password":          {always("-WRONGPASS invalid username-password pair or user is disabled: hidden\r\n"), shout.KindDenied},
		"a wrong password, Redis 5": {always("-ERR invalid password\r\n"), shout.KindDenied},
		"no permission":             {inOrder("-NOPERM this user has no permissions to run the command\r\n"), shout.KindDenied},
		"a full Redis":              {inOrder("-OOM command not allowed when used memory > 'maxmemory'\r\n"), shout.KindFull},
		"a replica":                 {inOrder("-READONLY You can't write against a read only replica.\r\n"), shout.KindReadOnly},
		"a starting Redis":          {inOrder("-LOADING Redis is loading the dataset in memory\r\n"), shout.KindRefused},
		"an error with a secret":    {always("-hidden\r\n"), shout.KindRefused},
		"a cut connection":          {inOrder(""), shout.KindConnection},
		"a cut reply":               {inOrder("$5\r\nx"), shout.KindTimeout},
		"a broken reply":            {inOrder("@\r\n"), shout.KindReply},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, cache := newFakeRedis(t, failure.reply)

			// What does not come is not waited for as long as Redis may take.
			patience := time.Minute
			if failure.kind == shout.KindTimeout {
				patience = 100 * time.Millisecond
			}

			reading, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()

			_, _, err := cache.Get(reading, "x")
			requireKind(t, failure.kind, err)

			writing, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()

			requireKind(t, failure.kind, cache.Set(writing, "x", shout.Entry{Asked: time.Now()}))
		})
	}
}

func TestEntriesThatAreNoneOrTooLargeAreOfAKind(t *testing.T) {
	t.Parallel()

	_, cache := newFakeRedis(t, inOrder("$2\r\n{}\r\n"))
	_, _, err := cache.Get(t.Context(), "x")
	requireKind(t, shout.KindEntry, err)
	requireKind(t, shout.KindEntry, cache.Set(t.Context(), "x", shout.Entry{Upper: strings.Repeat("\x01", 1<<20), Asked: time.Now()}))
}

func TestReadsGoOnWhileWritesFailAndTheReverse(t *testing.T) {
	t.Parallel()

	refuse := func(refused string) func(string) string {
		return func(command string) string {
			if command == refused {
				return "-OOM command not allowed\r\n"
			}

			return healthyRedis(command)
		}
	}

	_, cache := newFakeRedis(t, refuse("SET"))
	for range 10 {
		require.Error(t, cache.Set(t.Context(), "x", shout.Entry{Asked: time.Now()}))

		_, _, err := cache.Get(t.Context(), "x")
		require.NoError(t, err)
	}

	require.ErrorContains(t, cache.Set(t.Context(), "x", shout.Entry{Asked: time.Now()}), "skipped", "the writes' breaker is open")

	_, cache = newFakeRedis(t, refuse("GET"))

	for range 10 {
		_, _, err := cache.Get(t.Context(), "x")
		require.Error(t, err)
		require.NoError(t, cache.Set(t.Context(), "x", shout.Entry{Asked: time.Now()}))
	}
}

func TestAfterARestartOfRedisOneConnectionFailsAndTheOthersAreReplaced(t *testing.T) {
	t.Parallel()

	const connections = 20

	var everyone sync.WaitGroup

	arrived := make(chan struct{}, connections)
	release := make(chan struct{})
	restarted := make(chan struct{})

	// Each connection of the first Redis answers once, when all of them are in use, and is then cut.
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	defer listener.Close()

	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}

			fake := &fakeRedis{reply: func(command string) string {
				select {
				case <-restarted:
				default:
					if command == "GET" {
						arrived <- struct{}{}

						<-release
					}
				}

				return healthyRedis(command)
			}}

			go fake.serve(connection)
			go func() {
				select {
				case <-restarted: // those of before the restart only
				default:
					<-restarted

					_ = connection.Close()
				}
			}()
		}
	}()

	cache := newRedis(t, "redis://"+listener.Addr().String())

	for range connections {
		everyone.Go(func() {
			_, _, err := cache.Get(t.Context(), "x")
			assert.NoError(t, err)
		})
	}

	for range connections {
		<-arrived
	}

	close(release)
	everyone.Wait()
	close(restarted)

	failures := 0

	for range 3 * connections {
		if _, _, err := cache.Get(t.Context(), "x"); err != nil {
			failures++
		}
	}

	assert.LessOrEqual(t, failures, 1)
}

func TestARedisThatIsAwayIsAnErrorThreeTimesAndThenSkipped(t *testing.T) {
	t.Parallel()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close()) // nothing listens there now

	cache := newRedis(t, "redis://"+listener.Addr().String())
	for range 3 {
		_, ok, err := cache.Get(t.Context(), "x")
		require.ErrorContains(t, err, "refused")
		requireKind(t, shout.KindConnection, err)
		assert.False(t, ok)
	}

	_, _, err = cache.Get(t.Context(), "x")
	require.ErrorContains(t, err, "skipped for a moment")
}
