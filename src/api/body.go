package api

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// largestBody is how long a request's body may be, in bytes.
	largestBody = 64 << 10
	// receiving is what a body may take while it arrives, and working while it is worked on, as multiples of its size. A
	// byte of JSON text can become six in the answer, and six in the request to an upstream.
	receiving, working = 3, 20
	// maxDiscarded bounds what is read of a body that is too large, in bytes.
	maxDiscarded = 2 << 20
	// lingering is how long the unread rest of a body may take to arrive, so that the client receives the answer.
	lingering = 500 * time.Millisecond
)

// receive reads the body to its end before the request counts as in flight, so that slow clients take no turns from
// others. Bodies have a budget of memory; what is above it is answered 503. Handlers read the body as ever.
func (a *API) receive(c *gin.Context) {
	var expected int64 = largestBody
	if length := c.Request.ContentLength; length >= 0 {
		expected = min(length, largestBody)
	}

	share := bodyShare * a.options.Budget.BodyMemory / int64(a.options.Budget.Connections)

	reserved := max(receiving*expected, share)
	if !a.bodies.TryAcquire(reserved) {
		overloaded(c, "too much is being sent at a time")
		hangUp(c, 0) // lingering would take connections from others

		return
	}

	body, _ := io.ReadAll(io.LimitReader(c.Request.Body, largestBody+1)) // the handler meets the error when it reads on

	if int64(len(body)) > largestBody {
		// Who is still sending hears no answer, and a load balancer passes none on; so most get to their end first.
		_, _ = io.CopyN(io.Discard, c.Request.Body, maxDiscarded)
	}

	a.bodies.Release(reserved)

	reserved = working * int64(len(body))
	if !a.bodies.TryAcquire(reserved) {
		overloaded(c, "too many large requests at a time")

		return
	}
	defer a.bodies.Release(reserved)

	c.Request.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), c.Request.Body), c.Request.Body}
	c.Next()
}

// ignoreBody is for the routes that take no body: net/http would wait for its end before it writes the answer.
func ignoreBody(c *gin.Context) {
	if c.Request.ContentLength != 0 {
		hangUp(c, lingering)
	}
}

// hangUp closes the connection after the answer, once the rest of the body has arrived or had its time.
func hangUp(c *gin.Context, patience time.Duration) {
	c.Writer.Header()["Connection"] = []string{"close"}
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(patience)) // a gone client is no concern
}
