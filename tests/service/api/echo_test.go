package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func echo(t *testing.T) {
	for _, text := range []string{
		"foo", "", " ", "<b>&\"'\\", "\x00\n\x7f", "e\u0301", "👨‍👩‍👧", "\u2028", "a+b%20;c", strings.Repeat("x", 4096), strings.Repeat("ä", 2048),
	} {
		answer := ask(t, http.MethodGet, "/api/echo?text="+url.QueryEscape(text))
		assert.Equal(t, http.StatusOK, answer.status, "%.40q", text)
		assert.Equal(t, "application/json; charset=utf-8", answer.header.Get("Content-Type"))

		var echoed map[string]string
		require.NoError(t, json.Unmarshal([]byte(answer.body), &echoed))
		assert.Equal(t, map[string]string{"text": text}, echoed)
	}

	assert.Equal(t, `{"text":"foo"}`, ask(t, http.MethodGet, "/api/echo?text=foo").body)
	assert.Equal(t, `{"text":"<b>"}`, ask(t, http.MethodGet, "/api/echo?text=%3Cb%3E").body)

	head := ask(t, http.MethodHead, "/api/echo?text=foo")
	assert.Equal(t, http.StatusOK, head.status)
	assert.Equal(t, "14", head.header.Get("Content-Length"))

	for query, detail := range map[string]string{
		"":                                   "text: is missing; give one, such as ?text=foo",
		"?txt=foo":                           "text: is missing; give one, such as ?text=foo",
		"?text=a&text=b":                     "text: is given 2 times; give it once",
		"?text=" + strings.Repeat("x", 4097): "text: is 4097 bytes long; the limit is 4096",
		"?text=%ff":                          "text: is not UTF-8; ",
		"?text=%ed%a0%80":                    "text: is not UTF-8; ",
		"?text=%zz":                          "text: the query can't be decoded: ",
	} {
		answer := ask(t, http.MethodGet, "/api/echo"+query)
		assert.Equal(t, http.StatusBadRequest, answer.status, "%.40s", query)

		if query == "?text=%zz" && refused(answer, http.StatusBadRequest) {
			continue
		}

		members := problem(t, answer)
		assert.Equal(t, "text", members["parameter"])
		assert.Contains(t, members["detail"], detail)
	}
}

func echoBody(t *testing.T) {
	for _, text := range []string{"foo", "", "<b>&\"'\\", "\x00\n\x7f", "👨‍👩‍👧", strings.Repeat("x", 4096), strings.Repeat("<", 4096)} {
		body, err := json.Marshal(map[string]string{"text": text})
		require.NoError(t, err)

		answer := post(t, "/api/echo", string(body), typeJSON)
		assert.Equal(t, http.StatusOK, answer.status, answer.body)
		assert.Equal(t, "application/json; charset=utf-8", answer.header.Get("Content-Type"))

		var echoed map[string]string
		require.NoError(t, json.Unmarshal([]byte(answer.body), &echoed))
		assert.Equal(t, map[string]string{"text": text}, echoed)
	}

	for body, detail := range map[string]string{
		``:                        "the body is not JSON: ",
		`{"text":"x"}{}`:          "the body is not JSON: ",
		`["text"]`:                "the body is an array; ",
		`{}`:                      `text is missing; send an object such as {"text":"foo"}`,
		`{"text":1}`:              "text is a number and must be a string; ",
		`{"text":"x","text":"y"}`: "text is given more than once; ",
		`{"Text":"x"}`:            `"Text" is not a member that the body may have; `,
		"{\"text\":\"\xff\"}":     "the body is not UTF-8; ",
		`{"text":"` + strings.Repeat("x", 4097) + `"}`: "text: is 4097 bytes long; the limit is 4096",
	} {
		answer := post(t, "/api/echo", body, typeJSON)
		assert.Equal(t, http.StatusBadRequest, answer.status, "%.40s", body)
		assert.Contains(t, problem(t, answer)["detail"], detail, "%.40s", body)
	}

	assert.Equal(t, "text", problem(t, post(t, "/api/echo", `{}`, typeJSON))["parameter"])

	large := post(t, "/api/echo", strings.Repeat("x", 64<<10+1), typeJSON)
	assert.Equal(t, http.StatusRequestEntityTooLarge, large.status)
	assert.Equal(t, "the body is too large; the limit is 65536 bytes", problem(t, large)["detail"])

	text := post(t, "/api/echo", `{"text":"foo"}`, "Content-Type: text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, text.status)
	assert.Equal(t, "application/json", text.header.Get("Accept-Post"))
	problem(t, text)

	wrong := post(t, "/api/echo?text=foo", "")
	assert.Equal(t, http.StatusUnsupportedMediaType, wrong.status, "a query is no body")

	put := ask(t, http.MethodPut, "/api/echo")
	assert.Equal(t, http.StatusMethodNotAllowed, put.status)
	assert.Equal(t, "GET, HEAD, POST", put.header.Get("Allow"))
}
