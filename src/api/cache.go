package api

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Header values that many answers share: setting a header to a slice that exists allocates nothing. They are functions'
// results to the linters' eyes and read-only to everyone else's.
var (
	jsonType  = []string{"application/json; charset=utf-8"} //nolint:gochecknoglobals // see above
	cacheADay = []string{"public, max-age=86400"}           //nolint:gochecknoglobals // see above
	nosniff   = []string{"nosniff"}                         //nolint:gochecknoglobals // see above
)

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

// matches tells whether an If-None-Match names the entity tag (RFC 9110, 13.1.2; a comma inside a tag isn't one of ours).
func matches(ifNoneMatch []string, etag string) bool {
	for _, line := range ifNoneMatch {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}

	return false
}
