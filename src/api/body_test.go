package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// comingBody is a body that is still coming: it tells of the first read, and ends when it is released.
type comingBody struct {
	started chan<- struct{}
	release <-chan struct{}
}

func (b comingBody) Read([]byte) (int, error) {
	b.started <- struct{}{}

	<-b.release

	return 0, io.ErrUnexpectedEOF
}

func post(t *testing.T, api *API, body io.Reader, length int64) *httptest.ResponseRecorder {
	t.Helper()

	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/echo", body)
	request.ContentLength = length
	request.Header.Set("Content-Type", "application/json")

	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, request)

	return answer
}

func TestBodiesThatAreStillComingTakeNoTurnAndNoMoreThanTheirBudget(t *testing.T) {
	t.Parallel()

	api := newAPI(t, new(syncBuffer)) // one request in flight, four connections, so at most two bodies
	started, release := make(chan struct{}, 10), make(chan struct{})

	var coming sync.WaitGroup

	for range 2 {
		coming.Go(func() { post(t, api, comingBody{started, release}, 100) })
		<-started
	}

	other := httptest.NewRecorder()
	api.ServeHTTP(other, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/echo?text=foo", http.NoBody))
	assert.Equal(t, http.StatusOK, other.Code, "the one turn is free")

	third := post(t, api, strings.NewReader("{}"), 2)
	assert.Equal(t, http.StatusServiceUnavailable, third.Code)
	assert.Equal(t, "1", third.Header().Get("Retry-After"))
	assert.Equal(t, "close", third.Header().Get("Connection"), "its body is not waited for")
	assert.Contains(t, third.Body.String(), "too much is being sent at a time")

	close(release)
	coming.Wait()

	assert.Equal(t, http.StatusBadRequest, post(t, api, strings.NewReader("{}"), 2).Code, "there is room again")
}

func TestTheWorkOnALargeBodyHasABudgetToo(t *testing.T) {
	t.Parallel()

	api := newAPI(t, new(syncBuffer)) // 1 MiB, so no 20 × 60 KiB
	answer := post(t, api, strings.NewReader(strings.Repeat("x", 60<<10)), 60<<10)
	assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
	assert.Contains(t, answer.Body.String(), "too many large requests at a time")
}
