package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/telemetry"
)

// syncBuffer is a buffer that is read while a server writes to it.
type syncBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	return b.buffer.Write(data)
}

func (b *syncBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()

	return b.buffer.String()
}

// newAPI returns an API that logs into the buffer.
func newAPI(t *testing.T, log io.Writer) *API {
	t.Helper()

	api, err := New(Options{
		Logger: slog.New(slog.NewJSONHandler(log, nil)), Metrics: telemetry.NewMetrics(telemetry.Build{}),
		Tracer: &telemetry.Tracer{}, Parts: []Part{Echo()}, MaxInFlight: 1, Budget: Budget{Connections: 4, BodyMemory: 1 << 20}, Started: time.Now(),
	})
	require.NoError(t, err)

	return api
}

func TestAPanicIsAProblemThatTellsTheClientNothing(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer

	api := newAPI(t, &log)
	api.engine.GET("/panic", func(*gin.Context) { panic("a secret") })

	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/panic", http.NoBody))
	assert.Equal(t, http.StatusInternalServerError, answer.Code)
	assert.Equal(t, problemType, answer.Header().Get("Content-Type"))
	assert.NotContains(t, answer.Body.String(), "secret")

	var problem Problem
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &problem))

	var line map[string]any
	require.NoError(t, json.Unmarshal(log.Bytes(), &line), "one line: %s", log.String())
	assert.Equal(t, "ERROR", line["level"])
	assert.Equal(t, problem.RequestID, line["request_id"])
	assert.Contains(t, line["error"], "a secret")
	assert.Contains(t, line["error"], "serve_test.go", "with the stack")
}

func TestAPanicAfterTheHeaderIsLogged(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer

	api := newAPI(t, &log)
	api.engine.GET("/panic", func(c *gin.Context) {
		c.String(http.StatusOK, "half an ans")
		panic(errors.New("too late"))
	})

	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/panic", http.NoBody))
	assert.Equal(t, "half an ans", answer.Body.String())
	assert.Contains(t, log.String(), "too late")
}

func TestAfterAPanicThereIsRoomAgain(t *testing.T) {
	t.Parallel()

	api := newAPI(t, new(bytes.Buffer))
	api.engine.GET("/panic", func(*gin.Context) { panic(http.ErrAbortHandler) })

	for range 3 { // of the one that may be in flight
		answer := httptest.NewRecorder()
		api.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/panic", http.NoBody))
		assert.NotEqual(t, http.StatusServiceUnavailable, answer.Code)
	}
}
