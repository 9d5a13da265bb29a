package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/echo"
)

// EchoAnswer is what /api/echo answers.
type EchoAnswer struct {
	// Text is what was sent.
	Text string `json:"text" example:"foo" validate:"required"`
} //	@name	EchoAnswer

// Echo returns the part that answers /api/echo.
func Echo() Part {
	return func(a *API) { a.get("/api/echo", a.bound, echoText) }
}

// echoText answers with the text that was sent.
//
//	@Summary	The text that was sent
//	@Tags		echo
//	@Produce	json,application/problem+json
//	@Param		text	query		string	true	"Any UTF-8, at most 4096 bytes (a maxLength would count characters)"	example(foo)
//	@Success	200		{object}	EchoAnswer
//	@Header		all		{string}	X-Request-Id	"The request's own, or a new one"
//	@Failure	400		{object}	echoProblem
//	@Failure	431		{object}	largeHeaderProblem
//	@Failure	500		{object}	internalProblem
//	@Failure	503		{object}	overloadProblem
//	@Header		503		{integer}	Retry-After	"Seconds to wait"
//	@Router		/api/echo [get]
//	@Router		/api/echo [head]
func echoText(c *gin.Context) {
	const parameter = "text"

	text, err := queryValue(c.Request.URL.RawQuery, parameter, "foo")
	if err == nil {
		text, err = echo.Text(text)
	}

	if err != nil {
		fail(c, http.StatusBadRequest, parameter, parameter+": "+err.Error())

		return
	}

	sendJSON(c, EchoAnswer{text})
}

//nolint:unused // swag reads it
type echoProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Bad Request" validate:"required"`
	Status    int    `json:"status" example:"400" validate:"required"`
	Detail    string `json:"detail" example:"text: is missing; give one, such as ?text=foo" validate:"required"`
	Parameter string `json:"parameter" example:"text" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	EchoProblem
