package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// queryValue returns the value of the one parameter with the given name. A plain time needs no decoding, and building a map
// of all parameters costs more than the rest of the handler. The example is for the error when the parameter is missing.
func queryValue(query, name, example string) (string, error) {
	if value, ok := strings.CutPrefix(query, name); ok && len(value) > 0 && value[0] == '=' && !strings.ContainsAny(value, "&%+;") {
		return value[1:], nil
	}

	values, err := url.ParseQuery(query)

	switch given := values[name]; {
	case err != nil:
		return "", errors.New("the query can't be decoded: a % must be followed by two hexadecimal digits, and a ; be written %3B")
	case len(given) == 0:
		return "", errors.New("is missing; give one, such as ?" + name + "=" + example)
	case len(given) > 1:
		return "", fmt.Errorf("is given %d times; give it once", len(given))
	default:
		return given[0], nil
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

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): what is said of gzip comes before what is said of *, and the plain
// text is sent where it is preferred.
func acceptsGzip(acceptEncoding []string) bool {
	weights := map[string]float64{}

	for coding := range strings.SplitSeq(strings.Join(acceptEncoding, ","), ",") {
		name, parameter, weighted := strings.Cut(coding, ";")
		weight := 1.0

		if weighted {
			key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")

			parsed, err := strconv.ParseFloat(value, 64)
			if err != nil || !strings.EqualFold(key, "q") || !(parsed <= 1) {
				parsed = 0
			}

			weight = parsed
		}

		weights[strings.ToLower(strings.TrimSpace(name))] = weight
	}

	for _, name := range []string{"gzip", "x-gzip", "*"} { // x-gzip is the same (8.4.1.3)
		if weight, ok := weights[name]; ok {
			return weight > 0 && weight >= weights["identity"]
		}
	}

	return false
}

// readJSON returns the request's body, or answers with a problem and returns false. The body must say that it is JSON and
// not be too long.
func readJSON(c *gin.Context) ([]byte, bool) {
	header := c.Request.Header

	if mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		c.Header("Accept-Post", "application/json")
		fail(c, http.StatusUnsupportedMediaType, "", "the body must be JSON; send it with Content-Type: application/json")

		return nil, false
	}

	if !isPlain(header.Values("Content-Encoding")) {
		c.Header("Accept-Encoding", "identity")
		fail(c, http.StatusUnsupportedMediaType, "", "the body must not be compressed; send it without Content-Encoding")

		return nil, false
	}

	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, largestBody))

	var tooLarge *http.MaxBytesError

	switch {
	case err == nil:
		return body, true
	case errors.As(err, &tooLarge):
		fail(c, http.StatusRequestEntityTooLarge, "", "the body is too large; the limit is "+strconv.Itoa(largestBody)+" bytes")
	case errors.Is(err, os.ErrDeadlineExceeded):
		fail(c, http.StatusRequestTimeout, "", "the body took too long to arrive; send it faster")
	default:
		_ = c.Error(fmt.Errorf("read the body: %w", err))
		fail(c, http.StatusBadRequest, "", "the body can't be read to its end; send as much as Content-Length says, or well-formed chunks")
	}

	return nil, false
}

// isPlain tells whether no coding was applied to a body. Several lines of a header are one list.
func isPlain(contentEncoding []string) bool {
	for coding := range strings.SplitSeq(strings.Join(contentEncoding, ","), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return false
		}
	}

	return true
}

// readMember returns the string that is the only member of the request's body, or answers what is wrong with it and returns false. The
// value is for the example in an error.
func readMember(c *gin.Context, name, value string) (string, bool) {
	body, ok := readJSON(c)
	if !ok {
		return "", false
	}

	text, wrong := memberOf(body, name, value)
	if wrong != nil {
		fail(c, http.StatusBadRequest, wrong.member, wrong.detail)

		return "", false
	}

	return text, true
}

// memberError says what is wrong with a JSON object, and in which member.
type memberError struct{ member, detail string }

func (e *memberError) Error() string { return e.detail }

// memberOf returns the string that is the only member, with the given name, of a JSON object. It reads token by token because
// decoding into a struct takes DATA for data and the last of two for both. The value is for the example in an error.
func memberOf(body []byte, name, value string) (string, *memberError) {
	example := fmt.Sprintf("send an object such as {%q:%q}", name, value)

	if !utf8.Valid(body) {
		return "", &memberError{detail: "the body is not UTF-8; " + example}
	}

	if !json.Valid(body) {
		return "", &memberError{detail: "the body is not JSON: " + syntaxError(body) + "; " + example}
	}

	if hasLoneSurrogate(body) {
		return "", &memberError{detail: `the body has half of a pair of \u escapes, which is no character; ` + example}
	}

	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // a number too large for a float is a number all the same

	if opening, _ := decoder.Token(); opening != json.Delim('{') {
		return "", &memberError{detail: "the body is " + kind(opening) + "; " + example}
	}

	var found bool

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

// hasLoneSurrogate finds \uD800 to \uDFFF without its other half in valid JSON. It stands for no character (RFC 8259, 8.2),
// and encoding/json would replace it by another.
func hasLoneSurrogate(body []byte) bool {
	for i := bytes.IndexByte(body, '\\'); i >= 0 && i < len(body); i++ {
		switch {
		case body[i] != '\\':
		case body[i+1] != 'u':
			i++ // the escaped character may be a backslash
		case !utf16.IsSurrogate(escaped(body[i:])):
		case utf16.DecodeRune(escaped(body[i:]), escaped(body[i+escapeLength:])) == utf8.RuneError:
			return true
		default:
			i += escapeLength
		}
	}

	return false
}

const escapeLength = len(`\u1234`)

// escaped returns what a text stands for that begins with an escape such as \u1234, or 0.
func escaped(text []byte) rune {
	if len(text) < escapeLength || text[0] != '\\' || text[1] != 'u' {
		return 0
	}

	unit, err := strconv.ParseUint(string(text[2:escapeLength]), 16, 16)
	if err != nil {
		return 0
	}

	return rune(unit)
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
	case json.Number:
		return "a number"
	default:
		return "null"
	}
}
