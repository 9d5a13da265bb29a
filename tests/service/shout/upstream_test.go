// Package shout_test holds /shout of the built program against an upstream with faults and a Redis that goes away.
package shout_test

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream turns texts into upper case like api.shoutcloud.io did, and fails as its fault says.
type upstream struct {
	*httptest.Server

	mutex sync.Mutex
	fault fault
	asked map[string]int // how often, by text
	last  http.Header
}

// fault spoils an answer, or returns false to leave it alone.
type fault func(writer http.ResponseWriter, request *http.Request) bool

func newUpstream(tb testing.TB, spoil fault) *upstream {
	tb.Helper()

	up := &upstream{fault: spoil, asked: map[string]int{}}
	up.Server = httptest.NewServer(http.HandlerFunc(up.serve))
	tb.Cleanup(up.Close)

	return up
}

func (u *upstream) serve(writer http.ResponseWriter, request *http.Request) {
	var shout struct {
		Input string `json:"INPUT"`
	}
	if err := json.NewDecoder(request.Body).Decode(&shout); err != nil {
		writer.WriteHeader(http.StatusBadRequest)

		return
	}

	u.mutex.Lock()
	u.asked[shout.Input]++
	u.last = request.Header
	spoil := u.fault
	u.mutex.Unlock()

	if !spoil(writer, request) {
		answer, err := json.Marshal(map[string]string{"INPUT": shout.Input, "OUTPUT": strings.ToUpper(shout.Input)})
		if err != nil {
			panic(err) // two strings; the program sees a connection that is cut
		}

		_, _ = writer.Write(answer)
	}
}

// become changes what goes wrong from now on.
func (u *upstream) become(spoil fault) {
	u.mutex.Lock()
	defer u.mutex.Unlock()

	u.fault = spoil
}

// tries returns how often the upstream was asked, in all and for the text asked for most often.
func (u *upstream) tries() (total, most int) {
	u.mutex.Lock()
	defer u.mutex.Unlock()

	for _, count := range u.asked {
		total += count
		most = max(most, count)
	}

	return total, most
}

func healthy(http.ResponseWriter, *http.Request) bool { return false }

// after answers as it should, but late.
func after(delay time.Duration) fault {
	return func(_ http.ResponseWriter, request *http.Request) bool {
		select {
		case <-time.After(delay):
		case <-request.Context().Done():
		}

		return false
	}
}

func status(code int) fault {
	return func(writer http.ResponseWriter, _ *http.Request) bool {
		writer.WriteHeader(code)

		return true
	}
}

func body(text string) fault {
	return func(writer http.ResponseWriter, _ *http.Request) bool {
		_, _ = io.WriteString(writer, text)

		return true
	}
}

// silent never answers.
func silent(_ http.ResponseWriter, request *http.Request) bool {
	<-request.Context().Done()

	return true
}

func reset(writer http.ResponseWriter, _ *http.Request) bool {
	connection, _, _ := writer.(http.Hijacker).Hijack()
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()

	return true
}

// switchesProtocols answers 101, after which net/http bounds no read.
func switchesProtocols(writer http.ResponseWriter, _ *http.Request) bool {
	connection, _, _ := writer.(http.Hijacker).Hijack()
	_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
	_, _ = io.Copy(io.Discard, connection) // until the client closes it
	_ = connection.Close()

	return true
}

func truncated(writer http.ResponseWriter, _ *http.Request) bool {
	writer.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(writer, `{"INPUT":"`)

	return true
}

// endless sends until the client stops reading.
func endless(writer http.ResponseWriter, _ *http.Request) bool {
	_, err := io.WriteString(writer, `{"INPUT":"`)
	for chunk := strings.Repeat("x", 1<<16); err == nil; {
		_, err = io.WriteString(writer, chunk)
	}

	return true
}

// flaky spoils the given share of the answers, each in one of all ways, and delays the others a bit.
func flaky(share float64) fault {
	faults := []fault{status(http.StatusInternalServerError), status(http.StatusServiceUnavailable), reset, truncated, silent}

	return func(writer http.ResponseWriter, request *http.Request) bool {
		if rand.Float64() < share {
			return faults[rand.IntN(len(faults))](writer, request)
		}

		return after(rand.N(30*time.Millisecond))(writer, request)
	}
}
