package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// route says which handler answers what. Whatever answers GET answers HEAD.
func (a *API) route() {
	a.engine.Use(a.serve)
	a.engine.NoRoute(notFound)
	a.engine.NoMethod(methodNotAllowed)

	get := func(path string, handler gin.HandlerFunc) {
		a.engine.Match([]string{http.MethodGet, http.MethodHead}, path, handler)
	}

	get("/clock", newClockHandler().get)
	get("/greeting", a.greeting)
	get("/api/echo", echoText)
	a.engine.POST("/shout", a.deadline, a.shout)

	get("/health", a.health)
	get("/livez", a.livez)
	get("/readyz", a.readyz)
	get("/-/health", a.debugHealth)

	get("/", redirect("/swagger/"))
	get("/swagger", redirect("/swagger/"))
	get("/swagger/*file", newDocsHandler().get)
}

func redirect(to string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Location", to)
		c.Status(http.StatusFound)
	}
}
