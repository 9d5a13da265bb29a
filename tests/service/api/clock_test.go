package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clockRoutes are the promises of all routes, kept by those of the clock.
func clockRoutes(t *testing.T) {
	isReadOnly(t, "/clock?mirror_time=12:22", "/clock.svg?mirror_time=12:22")
	hasHead(t, "/clock?mirror_time=12:22", "/clock.svg?mirror_time=12:22", "/clock?mirror_time=13:20", "/clock")
	isNotFound(t, "/clock/", "/Clock", "//clock", "/clock/12:22", "/%2e%2e/clock", "/swagger/../clock2")
	isDocumented(t, "/clock", "/clock.svg")
}

func everyTime(t *testing.T) {
	for minutes := range 720 {
		name := func(minutes int) string { return fmt.Sprintf("%02d:%02d", (minutes/60+11)%12+1, minutes%60) }
		mirrored, actual := name(minutes), name((720-minutes)%720)

		answer := ask(t, http.MethodGet, "/clock?mirror_time="+mirrored)
		require.Equal(t, http.StatusOK, answer.status)
		require.Equal(t, `{"mirror_time":"`+mirrored+`","actual_time":"`+actual+`"}`, answer.body)
	}
}

func knownTimes(t *testing.T) {
	for query, body := range map[string]string{
		"mirror_time=12:22":         `{"mirror_time":"12:22","actual_time":"11:38"}`,
		"mirror_time=12%3A22":       `{"mirror_time":"12:22","actual_time":"11:38"}`,
		"mirror_time=%31%32:22":     `{"mirror_time":"12:22","actual_time":"11:38"}`,
		"mirror_time=2:11":          `{"mirror_time":"02:11","actual_time":"09:49"}`,
		"mirror_time=05:25":         `{"mirror_time":"05:25","actual_time":"06:35"}`,
		"mirror_time=01:50":         `{"mirror_time":"01:50","actual_time":"10:10"}`,
		"mirror_time=11:58":         `{"mirror_time":"11:58","actual_time":"12:02"}`,
		"mirror_time=12:01":         `{"mirror_time":"12:01","actual_time":"11:59"}`,
		"mirror_time=04:25":         `{"mirror_time":"04:25","actual_time":"07:35"}`,
		"mirror_time=10:00":         `{"mirror_time":"10:00","actual_time":"02:00"}`,
		"mirror_time=11:00":         `{"mirror_time":"11:00","actual_time":"01:00"}`,
		"mirror_time=12:00":         `{"mirror_time":"12:00","actual_time":"12:00"}`,
		"other=1&mirror_time=06:00": `{"mirror_time":"06:00","actual_time":"06:00"}`,
	} {
		answer := ask(t, http.MethodGet, "/clock?"+query)
		assert.Equal(t, http.StatusOK, answer.status, query)
		assert.Equal(t, body, answer.body, query)
		assert.Equal(t, "application/json; charset=utf-8", answer.header.Get("Content-Type"))
	}
}

func badTimes(t *testing.T) {
	for text, detail := range map[string]string{
		"00:20": "so it is 12:20", "13:20": "so it is 01:20", "13:66": "minutes are 00 to 59", "24:00": "hours are 1 to 12",
		"": "H:MM", "12": "H:MM", "12:2": "H:MM", "012:22": "H:MM", "12:22 ": "H:MM", " 12:22": "H:MM", "12 :22": "H:MM",
		"12:22\n": "H:MM", "12:22\x00": "H:MM", "1\x1b2:22": "H:MM", "१२:२२": "H:MM", "１２:２２": "H:MM", "12：22": "H:MM",
		"+2:22": "H:MM", "-2:22": "H:MM", "12:22am": "H:MM", "<script>": "H:MM", `"`: "H:MM", "\xff\xfe": "H:MM",
		strings.Repeat("1", 8000): "8000 bytes",
	} {
		for _, path := range []string{"/clock", "/clock.svg"} {
			answer := ask(t, http.MethodGet, path+"?mirror_time="+url.QueryEscape(text))
			assert.Equal(t, http.StatusBadRequest, answer.status, "%q", text)
			members := problem(t, answer)
			assert.Equal(t, "mirror_time", members["parameter"], "%q", text)
			assert.Contains(t, members["detail"], detail, "%q", text)
			assert.Less(t, len(answer.body), 500)
		}
	}

	for query, detail := range map[string]string{
		"":                                    "is missing",
		"?":                                   "is missing",
		"?other=12:22":                        "is missing",
		"?MIRROR_TIME=12:22":                  "is missing",
		"?mirror_time":                        "H:MM",
		"?mirror_time=12:22&mirror_time=1:00": "given 2 times",
		"?mirror_time=12:22&mirror_time=12:22&mirror_time": "given 3 times",
		"?mirror_time=%zz":       "can't be decoded",
		"?mirror_time=12:22;x=1": "can't be decoded",
		"?mirror_time=12:22%":    "can't be decoded",
	} {
		answer := askRaw(t, "GET /clock"+query+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		assert.Equal(t, http.StatusBadRequest, answer.status, query)

		if strings.Contains(query, "%") && refused(answer, http.StatusBadRequest) {
			continue
		}

		members := problem(t, answer)
		assert.Equal(t, "mirror_time", members["parameter"], query)
		assert.Contains(t, members["detail"], detail, query)
	}
}

func picture(t *testing.T) {
	answer := ask(t, http.MethodGet, "/clock.svg?mirror_time=2:11")
	assert.Equal(t, http.StatusOK, answer.status)
	assert.Equal(t, "image/svg+xml", answer.header.Get("Content-Type"))
	assert.Contains(t, answer.body, "<title id=\"title\">02:11 in the mirror is really 09:49</title>")
	assert.Less(t, len(answer.body), 4096)
	assert.NotContains(t, answer.body, "<script")
	assert.NotEqual(t, answer.header.Get("Etag"), ask(t, http.MethodGet, "/clock.svg?mirror_time=2:12").header.Get("Etag"))
}

func conditional(t *testing.T) {
	for _, path := range []string{"/clock?mirror_time=", "/clock.svg?mirror_time="} {
		conditionalOn(t, path)
	}
}

func conditionalOn(t *testing.T, at string) {
	path := at + "12:22"
	first := ask(t, http.MethodGet, path)
	etag := first.header.Get("Etag")
	require.Regexp(t, `^"[^"]+"$`, etag, "a strong entity tag")
	assert.Equal(t, "public, max-age=86400", first.header.Get("Cache-Control"))
	assert.Equal(t, etag, ask(t, http.MethodGet, at+"12%3A22").header.Get("Etag"))
	assert.NotEqual(t, etag, ask(t, http.MethodGet, at+"12:23").header.Get("Etag"))

	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, given := range []string{etag, "*", "W/" + etag, `"a", ` + etag, `"a",` + etag + `,"b"`} {
			answer := ask(t, method, path, "If-None-Match: "+given)
			assert.Equal(t, http.StatusNotModified, answer.status, given)
			assert.Empty(t, answer.body)
			assert.Equal(t, etag, answer.header.Get("Etag"))
			assert.NotEmpty(t, answer.header.Get("Cache-Control"))
		}

		for _, given := range []string{`"a"`, "", strings.Trim(etag, `"`), `W/"a"`} {
			assert.Equal(t, http.StatusOK, ask(t, method, path, "If-None-Match: "+given).status, given)
		}
	}

	bad := ask(t, http.MethodGet, at+"13:20", "If-None-Match: *")
	assert.Equal(t, http.StatusBadRequest, bad.status)
	assert.Empty(t, bad.header.Get("Etag"))
}
