package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
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

// readJSON returns the request's body, or answers with a problem and returns false. The body must say that it is JSON and
// not be longer than the limit.
func readJSON(c *gin.Context, limit int64) ([]byte, bool) {
	header := c.Request.Header

	if mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		c.Header("Accept-Post", "application/json")
		fail(c, http.StatusUnsupportedMediaType, "", "the body must be JSON; send it with Content-Type: application/json")

		return nil, false
	}

	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		c.Header("Accept-Encoding", "identity")
		fail(c, http.StatusUnsupportedMediaType, "", "the body must not be compressed; send it without Content-Encoding")

		return nil, false
	}

	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))

	var tooLarge *http.MaxBytesError

	switch {
	case err == nil:
		return body, true
	case errors.As(err, &tooLarge):
		fail(c, http.StatusRequestEntityTooLarge, "", "the body is too large; "+strconv.FormatInt(limit, 10)+" bytes is the most")
	case errors.Is(err, os.ErrDeadlineExceeded):
		fail(c, http.StatusRequestTimeout, "", "the body took too long to arrive; send it faster")
	default:
		_ = c.Error(fmt.Errorf("read the body: %w", err))
		fail(c, http.StatusBadRequest, "", "the body can't be read to its end; send as much as Content-Length says, or well-formed chunks")
	}

	return nil, false
}

// memberError says what is wrong with a JSON object, and in which member.
type memberError struct{ member, detail string }

func (e *memberError) Error() string { return e.detail }

// dataOf returns the string that is the only member, data, of a JSON object. It reads token by token because decoding into
// a struct takes DATA for data and the last of two for both.
func dataOf(body []byte) (string, *memberError) {
	const (
		name    = "data"
		example = `send an object such as {"data":"test"}`
	)

	if !utf8.Valid(body) {
		return "", &memberError{detail: "the body is not UTF-8; " + example}
	}

	if !json.Valid(body) {
		return "", &memberError{detail: "the body is not JSON: " + syntaxError(body) + "; " + example}
	}

	decoder := json.NewDecoder(bytes.NewReader(body))
	if opening, _ := decoder.Token(); opening != json.Delim('{') {
		return "", &memberError{detail: "the body is " + kind(opening) + "; " + example}
	}

	var (
		value string
		found bool
	)

	for decoder.More() {
		member, _ := decoder.Token()
		if member != name {
			return "", &memberError{fmt.Sprintf("%.60s", member), fmt.Sprintf("%.60q is not a member that the body may have; %s", member, example)}
		}

		if found {
			return "", &memberError{name, name + " is given more than once; " + example}
		}

		token, _ := decoder.Token()

		value, found = token.(string)
		if !found {
			return "", &memberError{name, name + " is " + kind(token) + " and must be a string; " + example}
		}
	}

	if !found {
		return "", &memberError{name, name + " is missing; " + example}
	}

	return value, nil
}

func syntaxError(body []byte) string {
	var value any

	err := json.Unmarshal(body, &value)

	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s at byte %d", syntax, syntax.Offset)
	}

	return fmt.Sprint(err)
}

// kind names the kind of value that begins with a token.
func kind(token json.Token) string {
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return "an array"
		}

		return "an object"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	default:
		return "a number"
	}
}
