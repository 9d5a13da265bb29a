package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// postShout sends a body; header fields come as "Name: value".
func postShout(tb testing.TB, body string, fields ...string) answer {
	tb.Helper()

	return post(tb, "/shout", body, fields...)
}

func shout(t *testing.T) {
	for data, shouted := range map[string]string{
		"test": "TSET", "": "", "straße": "ESSARTS", "e\u0301a": "AE\u0301", "🇩🇪🇫🇷x": "X🇫🇷🇩🇪", "👨‍👩‍👧!": "!👨‍👩‍👧",
		"a\r\nb": "B\r\nA", "<&>": ">&<", strings.Repeat("a", 65000): strings.Repeat("A", 65000),
	} {
		body, err := json.Marshal(map[string]string{"data": data})
		require.NoError(t, err)

		answer := postShout(t, string(body), typeJSON)
		assert.Equal(t, http.StatusOK, answer.status, answer.body)
		assert.Equal(t, "application/json; charset=utf-8", answer.header.Get("Content-Type"))

		var got map[string]string
		require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
		assert.Equal(t, map[string]string{"data": shouted}, got)

		cache := postShout(t, string(body), typeJSON).header.Get("X-Cache")
		assert.Contains(t, []string{"hit", "miss"}, cache)

		if !deployed() { // behind a load balancer another instance may have answered
			assert.Equal(t, "hit", cache)
		}
	}

	assert.Equal(t, `{"data":"TSET"}`, postShout(t, `{"data":"test"}`, "Content-Type: application/json; charset=utf-8").body)
}

func shoutRefusals(t *testing.T) {
	for body, detail := range map[string]string{
		``:                         "the body is not JSON: ",
		`{"data":"x"`:              "the body is not JSON: ",
		`{"data":"x"}{}`:           "the body is not JSON: ",
		`["data"]`:                 "the body is an array; ",
		`{}`:                       "data is missing; ",
		`{"data":1}`:               "data is a number and must be a string; ",
		`{"data":null}`:            "data is null and must be a string; ",
		`{"data":"x","data":"y"}`:  "data is given more than once; ",
		`{"data":"x","extra":"y"}`: `"extra" is not a member that the body may have; `,
		`{"Data":"x"}`:             `"Data" is not a member that the body may have; `,
		"{\"data\":\"\xff\"}":      "the body is not UTF-8; ",
	} {
		answer := postShout(t, body, typeJSON)
		assert.Equal(t, http.StatusBadRequest, answer.status, body)
		assert.Contains(t, problem(t, answer)["detail"], detail, body)
	}

	assert.Equal(t, "extra", problem(t, postShout(t, `{"extra":1}`, typeJSON))["parameter"])
	assert.Equal(t, "data", problem(t, postShout(t, `{}`, typeJSON))["parameter"])

	whole := `{"data":"` + strings.Repeat("x", 64<<10-len(`{"data":""}`)) + `"}`
	assert.Equal(t, http.StatusOK, postShout(t, whole, typeJSON).status)

	for _, large := range []string{whole + " ", strings.Repeat("x", 1<<20)} {
		answer := postShout(t, large, typeJSON)
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer.status)
		assert.Equal(t, "the body is too large; the limit is 65536 bytes", problem(t, answer)["detail"])
	}

	for _, fields := range [][]string{
		{},
		{"Content-Type: text/plain"},
		{"Content-Type: application/x-www-form-urlencoded"},
		{"Content-Type: ;"},
		{typeJSON, "Content-Encoding: gzip"},
	} {
		answer := postShout(t, `{"data":"x"}`, fields...)
		assert.Equal(t, http.StatusUnsupportedMediaType, answer.status, fields)
		problem(t, answer)
	}

	wrong := ask(t, http.MethodGet, "/shout")
	assert.Equal(t, http.StatusMethodNotAllowed, wrong.status)
	assert.Equal(t, http.MethodPost, wrong.header.Get("Allow"))
}
