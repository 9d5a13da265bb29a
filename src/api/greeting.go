package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// GreetingAnswer is what /greeting answers.
type GreetingAnswer struct {
	// Response is the greeting, in the customer's words.
	Response string `json:"response" example:"Hi!" validate:"required"`
} //	@name	GreetingAnswer

// Greeting returns the part that answers /greeting with a text, which is empty when no customer is configured.
func Greeting(text string) Part {
	return func(a *API) { a.get("/greeting", a.bound, greetingHandler{text}.get) }
}

type greetingHandler struct{ text string }

// get answers in the words of the customer that this deployment is for.
//
//	@Summary		The customer's greeting
//	@Description	CUSTOMER_NAME says which customer a deployment is for, and GREETINGS has the words of each.
//	@Tags			greeting
//	@Produce		json,application/problem+json
//	@Success		200	{object}	GreetingAnswer
//	@Header			all	{string}	X-Request-Id	"The request's own, or a new one"
//	@Failure		404	{object}	customerProblem
//	@Failure		500	{object}	internalProblem
//	@Failure		503	{object}	overloadProblem
//	@Header			503	{integer}	Retry-After	"Seconds to wait"
//	@Router			/greeting [get]
//	@Router			/greeting [head]
func (h greetingHandler) get(c *gin.Context) {
	if h.text == "" {
		fail(c, http.StatusNotFound, "", "no customer is configured; set CUSTOMER_NAME")

		return
	}

	sendJSON(c, GreetingAnswer{h.text})
}

//nolint:unused // swag reads it
type customerProblem struct {
	Type      string `json:"type" example:"about:blank" validate:"required"`
	Title     string `json:"title" example:"Not Found" validate:"required"`
	Status    int    `json:"status" example:"404" validate:"required"`
	Detail    string `json:"detail" example:"no customer is configured; set CUSTOMER_NAME" validate:"required"`
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	CustomerProblem
