package api

import (
	"crypto/sha256"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/clockmirror/clockmirror/src/face"
)

// Face returns the part that answers /clock.svg.
func Face(painter *face.Painter) Part {
	return func(a *API) { a.get("/clock.svg", a.bound, faceHandler{painter}.get) }
}

// faceHandler draws what clockHandler answers.
type faceHandler struct{ painter *face.Painter }

// get answers with a picture of both clocks.
//
//	@Summary		The same, as a picture
//	@Description	Two faces side by side, 'in the mirror' and 'really':
//	@Description
//	@Description	![12:22 in the mirror is really 11:38](../clock.svg?mirror_time=12:22)
//	@Tags			clock
//	@Produce		image/svg+xml,application/problem+json
//	@Param			mirror_time		query		string	true	"The time in the mirror, H:MM or HH:MM: hours 1 to 12, minutes 00 to 59"	example(12:22)	extensions(x-example=12:22,x-pattern=^0?[1-9]:[0-5][0-9]$|^1[0-2]:[0-5][0-9]$)
//	@Param			If-None-Match	header		string	false	"ETags of pictures that the client has already"
//	@Success		200				{string}	string	"An SVG document of less than 4 KB"
//	@Header			200,304			{string}	ETag			"Names this very picture"
//	@Header			200,304			{string}	Cache-Control	"A day: the picture seldom changes"
//	@Header			all				{string}	X-Request-Id	"The request's own, or a new one"
//	@Success		304				"The client has this picture already"
//	@Failure		400				{object}	clockProblem
//	@Failure		500				{object}	internalProblem
//	@Failure		503				{object}	overloadProblem
//	@Header			503				{integer}	Retry-After	"Seconds to wait"
//	@Router			/clock.svg [get]
//	@Router			/clock.svg [head]
func (h faceHandler) get(c *gin.Context) {
	mirrored, ok := mirrorTime(c)
	if !ok {
		return
	}

	picture, err := h.painter.Draw(mirrored)
	if err != nil {
		panic(err) // every time can be drawn; serve answers for it if one can't
	}

	// A new release may draw another picture of the same time, so the tag is of the picture.
	hash := sha256.Sum256(picture)

	const shown = 8

	sendCacheable(c, []string{"image/svg+xml"}, []string{fmt.Sprintf(`"%x"`, hash[:shown])}, picture)
}
