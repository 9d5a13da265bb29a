package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/echo"
)

// echoed is the parameter, or the member of a body, that is sent back.
const echoed = "text"

// EchoAnswer is what /api/echo answers.
type EchoAnswer struct {
	// Text is what was sent.
	Text string `json:"text" example:"foo" validate:"required"`
} //	@name	EchoAnswer

// Echo returns the part that answers /api/echo.
func Echo() Part {
	return func(a *API) {
		a.get("/api/echo", a.bound, echoText)
		a.engine.POST("/api/echo", a.receive, a.bound, echoBody)
	}
}

// echoText answers with the text that was sent.
//
//	@Summary	The text that was sent
//	@Tags		echo
//	@Produce	json,application/problem+json
//	@Param		text	query		string	true	"Any UTF-8, at most 4096 bytes (a maxLength would count characters)"	example(foo)	extensions(x-example=foo)
//	@Success	200		{object}	EchoAnswer
//	@Header		all		{string}	X-Request-Id	"The request's own, or a new one"
//	@Failure	400		{object}	Problem
//	@Failure	431		{object}	largeHeaderProblem
//	@Failure	500		{object}	internalProblem
//	@Failure	503		{object}	overloadProblem
//	@Header		503		{integer}	Retry-After	"Seconds to wait"
//	@Router		/api/echo [get]
//	@Router		/api/echo [head]
func echoText(c *gin.Context) {
	text, err := queryValue(c.Request.URL.RawQuery, echoed, "foo")
	answerEcho(c, text, err)
}

// EchoRequest is what /api/echo takes in a body.
type EchoRequest struct {
	Text string `json:"text" example:"foo" validate:"required"`
} //	@name	EchoRequest

// echoBody answers with the text that was sent in a body.
//
//	@Summary	The text that was sent in a body
//	@Tags		echo
//	@Accept		json
//	@Produce	json,application/problem+json
//	@Param		text	body		EchoRequest	true	"Any text, at most 4096 bytes of UTF-8"
//	@Success	200		{object}	EchoAnswer
//	@Header		all		{string}	X-Request-Id	"The request's own, or a new one"
//	@Failure	400		{object}	Problem
//	@Failure	408		{object}	slowBodyProblem
//	@Failure	413		{object}	largeBodyProblem
//	@Failure	415		{object}	mediaTypeProblem
//	@Header		415		{string}	Accept-Post	"What to send instead"
//	@Failure	500		{object}	internalProblem
//	@Failure	503		{object}	overloadProblem
//	@Header		503		{integer}	Retry-After	"Seconds to wait"
//	@Router		/api/echo [post]
func echoBody(c *gin.Context) {
	if text, ok := readMember(c, echoed, "foo"); ok {
		answerEcho(c, text, nil)
	}
}

// answerEcho answers with a text, or with what was wrong with the request or is with the text.
func answerEcho(c *gin.Context, text string, err error) {
	if err == nil {
		text, err = echo.Text(text)
	}

	if err != nil {
		fail(c, http.StatusBadRequest, echoed, echoed+": "+err.Error())

		return
	}

	sendJSON(c, EchoAnswer{text})
}
