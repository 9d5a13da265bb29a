package api

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/clock"
)

// ClockAnswer is what /clock answers.
type ClockAnswer struct {
	// MirrorTime is the time in the mirror, as HH:MM, hours 01 to 12.
	MirrorTime string `json:"mirror_time" example:"12:22" validate:"required"`
	// ActualTime is what the clock really shows, as HH:MM, hours 01 to 12.
	ActualTime string `json:"actual_time" example:"11:38" validate:"required"`
} //	@name	ClockAnswer

// Clock returns the part that answers /clock.
func Clock() Part {
	handler := newClockHandler()

	return func(a *API) { a.get("/clock", a.bound, handler.get) }
}

// clockHandler has all answers prepared: a dial shows only 720 times.
type clockHandler struct {
	answers [clock.Minutes]preparedAnswer
}

type preparedAnswer struct {
	body []byte
	etag []string
}

func newClockHandler() *clockHandler {
	var handler clockHandler

	for minutes := range handler.answers {
		mirrored := clock.At(minutes)
		actual := mirrored.Mirror()
		handler.answers[minutes] = preparedAnswer{
			body: fmt.Appendf(nil, `{"mirror_time":%q,"actual_time":%q}`, mirrored, actual),
			etag: []string{fmt.Sprintf("%q", mirrored.String()+"="+actual.String())},
		}
	}

	return &handler
}

// get answers what a clock really shows.
//
//	@Summary		What a clock in a mirror really shows
//	@Description	Takes the time that an analogue 12-hour clock seems to show in a mirror, and tells what it shows.
//	@Tags			clock
//	@Produce		json,application/problem+json
//	@Param			mirror_time		query		string	true	"The time in the mirror, H:MM or HH:MM: hours 1 to 12, minutes 00 to 59"	example(12:22)	extensions(x-example=12:22,x-pattern=^0?[1-9]:[0-5][0-9]$|^1[0-2]:[0-5][0-9]$)
//	@Param			If-None-Match	header		string	false	"ETags of answers that the client has already"	example("12:22=11:38")
//	@Success		200				{object}	ClockAnswer
//	@Header			200,304			{string}	ETag			"Names this very answer"
//	@Header			200,304			{string}	Cache-Control	"A day: the answer never changes"
//	@Header			all				{string}	X-Request-Id	"The request's own, or a new one"
//	@Success		304				"The client has this answer already"
//	@Failure		400				{object}	clockProblem
//	@Failure		500				{object}	internalProblem
//	@Failure		503				{object}	overloadProblem
//	@Header			503				{integer}	Retry-After	"Seconds to wait"
//	@Router			/clock [get]
//	@Router			/clock [head]
func (h *clockHandler) get(c *gin.Context) {
	mirrored, ok := mirrorTime(c)
	if !ok {
		return
	}

	answer := &h.answers[mirrored.Minutes()]
	sendCacheable(c, jsonType, answer.etag, answer.body)
}

// mirrorTime returns the time that the request is about, or answers what is wrong with it.
func mirrorTime(c *gin.Context) (mirrored clock.Time, ok bool) {
	const parameter = "mirror_time"

	text, err := queryValue(c.Request.URL.RawQuery, parameter, "12:22")
	if err == nil {
		mirrored, err = clock.Parse(text)
	}

	if err != nil {
		fail(c, http.StatusBadRequest, parameter, parameter+": "+err.Error())
	}

	return mirrored, err == nil
}

var cacheADay = []string{"public, max-age=86400"} //nolint:gochecknoglobals // a header value that is never changed, as in response.go

// sendCacheable answers 200 with the body, or 304 when the client says that it has the entity tag already.
func sendCacheable(c *gin.Context, contentType, etag []string, body []byte) {
	header := c.Writer.Header()
	header["Etag"] = etag
	header["Cache-Control"] = cacheADay

	if matches(c.Request.Header["If-None-Match"], etag[0]) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()

		return
	}

	header["Content-Type"] = contentType

	if _, err := c.Writer.Write(body); err != nil {
		_ = c.Error(err) // the client is gone; the log says so
	}
}

//nolint:unused // swag reads it
type clockProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Bad Request" validate:"required"`
	Status    int    `json:"status" example:"400" validate:"required"`
	Detail    string `json:"detail" example:"mirror_time: \"13:20\" is not on a 12-hour dial: hours are 1 to 12, so it is 01:20" validate:"required"`
	Parameter string `json:"parameter" example:"mirror_time" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	ClockProblem
