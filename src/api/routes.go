package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Part is one concern of the service: it adds the routes of its own to an API.
type Part func(*API)

// route says what every request passes, and which handler answers what.
func (a *API) route() {
	a.engine.Use(
		a.identify,
		a.closeConnection,
		a.record,
		recoverPanic,
	)
	a.engine.NoRoute(ignoreBody, a.bound, notFound)
	a.engine.NoMethod(ignoreBody, a.bound, methodNotAllowed)

	for _, part := range a.options.Parts {
		part(a)
	}

	a.get("/health", a.health)
	a.get("/livez", a.livez)
	a.get("/readyz", a.readyz)
	a.get("/-/health", a.debugHealth)

	a.get("/", a.bound, redirect("/swagger/"))
	a.get("/swagger", a.bound, redirect("/swagger/"))
	a.get("/swagger/*file", a.share(), a.bound, newDocsHandler().get)
}

// get adds a route without a body. Whatever answers GET answers HEAD.
func (a *API) get(path string, handlers ...gin.HandlerFunc) {
	a.engine.Match([]string{http.MethodGet, http.MethodHead}, path, append([]gin.HandlerFunc{ignoreBody}, handlers...)...)
}

func redirect(to string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Location", to)
		c.Status(http.StatusFound)
	}
}
