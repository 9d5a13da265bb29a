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

// greeting answers in the words of the customer that this deployment is for.
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
func (a *API) greeting(c *gin.Context) {
	if a.options.Greeting == "" {
		fail(c, http.StatusNotFound, "", "no customer is configured; set CUSTOMER_NAME")

		return
	}

	sendJSON(c, GreetingAnswer{a.options.Greeting})
}
