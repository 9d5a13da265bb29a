package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/shout"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

// statusClientGone is for the access log only: the client closed the connection before the answer.
const statusClientGone = 499

// ShoutRequest is what /shout takes.
type ShoutRequest struct {
	Data string `json:"data" example:"test" validate:"required"`
} //	@name	ShoutRequest

// ShoutAnswer is what /shout answers.
type ShoutAnswer struct {
	// Data is the request's, reversed and in upper case.
	Data string `json:"data" example:"TSET" validate:"required"`
} //	@name	ShoutAnswer

// Shout returns the part that answers /shout.
func Shout(shouter *shout.Shouter) Part {
	return func(a *API) {
		a.engine.POST("/shout", a.receive, a.share(), a.bound, a.deadline, shoutHandler{shouter}.post)
	}
}

// deadline is for routes that wait for others: their context ends when the request has had its time.
func (a *API) deadline(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.options.RequestTimeout)
	defer cancel()

	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

type shoutHandler struct{ shouter *shout.Shouter }

// post answers a text, reversed and in upper case.
//
//	@Summary		A text, reversed and in upper case
//	@Description	Characters are what people see as such: an accent stays on its letter, a flag stays a flag.
//	@Description	The answer may come from a cache. While the upstream fails, it may be an expired one.
//	@Tags			shout
//	@Accept			json
//	@Produce		json,application/problem+json
//	@Param			text	body		ShoutRequest	true	"At most 64 KiB"
//	@Success		200		{object}	ShoutAnswer
//	@Header			200		{string}	X-Cache			"hit, miss, or stale: the upstream fails, and this is an expired answer"
//	@Header			200		{integer}	Age				"Seconds since the upstream was asked, for what comes from the cache"
//	@Header			200		{string}	Warning			"110, for what is stale"
//	@Header			all		{string}	X-Request-Id	"The request's own, or a new one"
//	@Failure		400		{object}	dataProblem
//	@Failure		408		{object}	slowBodyProblem
//	@Failure		413		{object}	largeBodyProblem
//	@Failure		415		{object}	mediaTypeProblem
//	@Header			415		{string}	Accept-Post	"What to send instead"
//	@Failure		500		{object}	internalProblem
//	@Failure		502		{object}	upstreamProblem
//	@Failure		503		{object}	restProblem
//	@Header			503		{integer}	Retry-After	"Seconds to wait"
//	@Failure		504		{object}	timeoutProblem
//	@Router			/shout [post]
func (h shoutHandler) post(c *gin.Context) {
	text, ok := readMember(c, "data", "test")
	if !ok {
		return
	}

	ctx := telemetry.WithRequestID(c.Request.Context(), c.Writer.Header()[requestIDHeader][0])

	answer, err := h.shouter.Shout(ctx, text)
	if err != nil {
		_ = c.Error(err) // for the log; clients see less

		failShout(c, err)

		return
	}

	c.Header("X-Cache", string(answer.Source))

	if answer.Source != shout.Miss {
		c.Header("Age", strconv.Itoa(int(answer.Age.Seconds())))
	}

	if answer.Source == shout.Stale {
		c.Header("Warning", `110 clockmirror "Response is Stale"`)
	}

	sendJSON(c, ShoutAnswer{answer.Text})
}

// failShout answers when the upstream fails.
func failShout(c *gin.Context, err error) {
	var (
		unavailable *shout.UnavailableError
		upstream    *shout.UpstreamError
	)

	switch {
	case errors.As(err, &unavailable):
		seconds := strconv.Itoa(max(1, int(math.Ceil(unavailable.RetryAfter.Seconds()))))
		c.Header("Retry-After", seconds)
		fail(c, http.StatusServiceUnavailable, "", unavailable.Reason+"; try again after "+seconds+" s")
	case errors.Is(err, context.Canceled):
		c.AbortWithStatus(statusClientGone)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &upstream) && upstream.Timeout:
		fail(c, http.StatusGatewayTimeout, "", "the service that shouts takes too long; try again later")
	case upstream == nil:
		panic(err) // a defect, which serve answers for
	default:
		fail(c, http.StatusBadGateway, "", "the service that shouts gives no proper answer; try again later")
	}
}

//nolint:unused // swag reads it
type dataProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Bad Request" validate:"required"`
	Status    int    `json:"status" example:"400" validate:"required"`
	Detail    string `json:"detail" example:"data is a number and must be a string; send an object such as {\"data\":\"test\"}" validate:"required"`
	Parameter string `json:"parameter,omitempty" example:"data" `
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	DataProblem

//nolint:unused // swag reads it
type upstreamProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Bad Gateway" validate:"required"`
	Status    int    `json:"status" example:"502" validate:"required"`
	Detail    string `json:"detail" example:"the service that shouts gives no proper answer; try again later" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	UpstreamProblem

//nolint:unused // swag reads it
type restProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Service Unavailable" validate:"required"`
	Status    int    `json:"status" example:"503" validate:"required"`
	Detail    string `json:"detail" example:"the upstream is skipped for a while after repeated failures; try again after 5 s" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	RestProblem

//nolint:unused // swag reads it
type timeoutProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Gateway Timeout" validate:"required"`
	Status    int    `json:"status" example:"504" validate:"required"`
	Detail    string `json:"detail" example:"the service that shouts takes too long; try again later" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	TimeoutProblem
