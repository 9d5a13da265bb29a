package api

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveOn serves over a Listener and returns its address.
func serveOn(t *testing.T, server *http.Server) string {
	t.Helper()

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)

	go func() { _ = server.Serve(Listener(listener)) }() // Close ends it

	t.Cleanup(func() { _ = server.Close() })

	return listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.SetDeadline(time.Now().Add(30*time.Second)))

	return connection
}

func TestOnlyRefusalsAreRewritten(t *testing.T) {
	t.Parallel()

	const text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"

	assert.Equal(t, http.StatusBadRequest, refused([]byte(text)))
	assert.Zero(t, refused([]byte(strings.Replace(text, "Connection", "Date: now\r\nConnection", 1))), "a handler's answer has a date")
	assert.Zero(t, refused([]byte(text+strings.Repeat("x", 256))))
	assert.Zero(t, refused([]byte("XTTP/1.1 abc\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")))
	assert.Zero(t, refused(nil))
}

func TestAnIdleConnectionIsClosedInTime(t *testing.T) {
	t.Parallel()

	address := serveOn(t, &http.Server{
		Handler:     http.NotFoundHandler(),
		ReadTimeout: time.Minute, IdleTimeout: 50 * time.Millisecond,
	})
	connection := dial(t, address)

	_, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)

	answer, err := io.ReadAll(connection)
	require.NoError(t, err, "closed, and not only at the read timeout")
	assert.Contains(t, string(answer), "404")
}

func TestAHandlerLearnsThatItsClientIsGone(t *testing.T) {
	t.Parallel()

	entered, gone := make(chan struct{}), make(chan struct{})
	address := serveOn(t, &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
			close(entered)
			<-request.Context().Done()
			close(gone)
		}),
		ReadTimeout: time.Minute, IdleTimeout: time.Minute,
	})
	connection := dial(t, address)

	_, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-entered
	require.NoError(t, connection.Close())

	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Fatal("the handler still waits")
	}
}

func TestALaterWriteHasALaterDeadline(t *testing.T) {
	t.Parallel()

	client, server := net.Pipe()

	t.Cleanup(func() { _ = client.Close() })

	wrapped := &conn{Conn: server}

	// Nobody reads: the write ends at its deadline.
	require.NoError(t, wrapped.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))

	_, err := wrapped.Write([]byte("x"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)

	// With a new one it works again.
	require.NoError(t, wrapped.SetWriteDeadline(time.Now().Add(time.Minute)))

	go func() { _, _ = wrapped.Write([]byte("y")) }()

	var read [1]byte

	_, err = io.ReadFull(client, read[:])
	require.NoError(t, err)
	assert.Equal(t, "y", string(read[:]))
}
