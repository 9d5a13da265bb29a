package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

const problemType = "application/problem+json"

// Problem is an error as RFC 9457 puts it. The type is always about:blank, so the status says which problem it is.
type Problem struct {
	Type   string `json:"type"   example:"about:blank" validate:"required"`
	Title  string `json:"title"  example:"Bad Request" validate:"required"`
	Status int    `json:"status" example:"400"         validate:"required"`
	// Detail says what was wrong and what would be right.
	Detail string `json:"detail" example:"text: is missing; give one, such as ?text=foo" validate:"required"`
	// Parameter names the parameter that was wrong.
	Parameter string `json:"parameter,omitempty" example:"text"`
	// RequestID is the X-Request-Id of the answer, and of the line in the log.
	RequestID string `json:"request_id" example:"7d1kq0x2v9m4h8rt3c5w" validate:"required"`
} //	@name	Problem

// fail answers with a problem and ends the request.
func fail(c *gin.Context, status int, parameter, detail string) {
	header := c.Writer.Header()

	body := marshal(Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: detail, Parameter: parameter, RequestID: header[requestIDHeader][0],
	})

	header.Del("ETag")
	header["Cache-Control"] = []string{"no-store"}

	c.Abort()
	c.Data(status, problemType, body)
}

func notFound(c *gin.Context) {
	if c.Request.RequestURI == "*" && c.Request.Method == http.MethodOptions { // asks of the server as a whole (RFC 9110, 9.3.7)
		c.Header("Allow", "GET, HEAD, POST")
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()

		return
	}

	fail(c, http.StatusNotFound, "", "there is nothing at this path; / shows what there is")
}

func methodNotAllowed(c *gin.Context) {
	fail(c, http.StatusMethodNotAllowed, "", "this path answers "+c.Writer.Header().Get("Allow")+" only")
}
