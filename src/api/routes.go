package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/face"
)

// route says what every request passes, and which handler answers what. Whatever answers GET answers HEAD.
func (a *API) route(painter *face.Painter) {
	a.engine.Use(
		a.identify,
		a.closeConnection,
		a.record,
		recoverPanic,
	)
	a.engine.NoRoute(ignoreBody, a.bound, notFound)
	a.engine.NoMethod(ignoreBody, a.bound, methodNotAllowed)

	get := func(path string, handlers ...gin.HandlerFunc) {
		handlers = append([]gin.HandlerFunc{ignoreBody}, handlers...)
		a.engine.Match([]string{http.MethodGet, http.MethodHead}, path, handlers...)
	}

	get("/clock", a.bound, newClockHandler().get)
	get("/clock.svg", a.bound, faceHandler{painter}.get)
	get("/greeting", a.bound, a.greeting)
	get("/api/echo", a.bound, echoText)
	a.engine.POST("/shout", a.receive(largestShout), a.share(), a.bound, a.deadline, a.shout)

	get("/health", a.health)
	get("/livez", a.livez)
	get("/readyz", a.readyz)
	get("/-/health", a.debugHealth)

	get("/", a.bound, redirect("/swagger/"))
	get("/swagger", a.bound, redirect("/swagger/"))
	get("/swagger/*file", a.share(), a.bound, newDocsHandler().get)
}

func redirect(to string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Location", to)
		c.Status(http.StatusFound)
	}
}
