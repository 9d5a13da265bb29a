package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Header values that many answers share: setting a header to an existing slice allocates nothing. They are never changed.
var (
	jsonType = []string{"application/json; charset=utf-8"} //nolint:gochecknoglobals // see above
	nosniff  = []string{"nosniff"}                         //nolint:gochecknoglobals // see above
)

// sendJSON answers 200 with the value, which must be one that JSON can hold. No cache keeps the answer.
func sendJSON(c *gin.Context, value any) {
	var body bytes.Buffer

	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // no browser takes this for HTML, and a < stays a <

	if err := encoder.Encode(value); err != nil {
		panic(fmt.Errorf("write an answer: %w", err)) // serve answers for it
	}

	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, jsonType[0], bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

// marshal returns the JSON of a value that always has one: of strings, numbers and JSON.
func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Errorf("write an answer as JSON: %w", err)) // a mistake in the program, which serve answers for
	}

	return text
}
