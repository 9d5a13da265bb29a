package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMemberOf(t *testing.T) {
	t.Parallel()

	for body, value := range map[string]string{
		`{"data":"test"}`:          "test",
		"{\n\"data\" : \"\" }\t":   "",
		`{"d\u0061ta":"\u00e4\n"}`: "ä\n",
		`{"data":"\ud83d\ude00"}`:  "😀",
		`{"data":"\\ud83d"}`:       `\ud83d`,
	} {
		got, wrong := memberOf([]byte(body), "data", "test")
		require.Nil(t, wrong, body)
		assert.Equal(t, value, got)
	}

	const example = `; send an object such as {"data":"test"}`

	for body, wrong := range map[string]memberError{
		``:                         {"", "the body is not JSON: unexpected end of JSON input at byte 0"},
		`{"data":"x"`:              {"", "the body is not JSON: unexpected end of JSON input at byte 11"},
		`{"data":"x"} {}`:          {"", "the body is not JSON: invalid character '{' after top-level value at byte 14"},
		`data=x`:                   {"", "the body is not JSON: invalid character 'd' looking for beginning of value at byte 1"},
		"{\"data\":\"\xff\"}":      {"", "the body is not UTF-8"},
		`[]`:                       {"", "the body is an array"},
		`"data"`:                   {"", "the body is a string"},
		`null`:                     {"", "the body is null"},
		`{}`:                       {"data", "data is missing"},
		`{"data":null}`:            {"data", "data is null and must be a string"},
		`{"data":1.5}`:             {"data", "data is a number and must be a string"},
		`{"data":1e999}`:           {"data", "data is a number and must be a string"},
		`1e999`:                    {"", "the body is a number"},
		`{"data":"\ud800"}`:        {"", `the body has half of a pair of \u escapes, which is no character`},
		`{"data":"\uDFFFx"}`:       {"", `the body has half of a pair of \u escapes, which is no character`},
		`{"data":"\ud83d\u0041"}`:  {"", `the body has half of a pair of \u escapes, which is no character`},
		`{"data":"\\\ud83d"}`:      {"", `the body has half of a pair of \u escapes, which is no character`},
		`{"\ude00":"x"}`:           {"", `the body has half of a pair of \u escapes, which is no character`},
		`{"data":true}`:            {"data", "data is a boolean and must be a string"},
		`{"data":["x"]}`:           {"data", "data is an array and must be a string"},
		`{"data":{"data":"x"}}`:    {"data", "data is an object and must be a string"},
		`{"data":"x","data":"y"}`:  {"data", "data is given more than once"},
		`{"DATA":"x"}`:             {"DATA", `"DATA" is not a member that the body may have`},
		`{"data":"x","lang":"\n"}`: {"lang", `"lang" is not a member that the body may have`},
		`{"` + long + `":1}`:       {long[:60], `"` + long[:60] + `" is not a member that the body may have`},
	} {
		got, failure := memberOf([]byte(body), "data", "test")
		require.NotNil(t, failure, body)
		assert.Empty(t, got)
		assert.Equal(t, wrong.member, failure.member, body)
		assert.Equal(t, wrong.detail+example, failure.detail, body)
	}
}

var long = strings.Repeat("x", 100) //nolint:gochecknoglobals // a constant, but for Repeat

func TestMemberOfNeverPanics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{
			"{", "}", "[", "]", ":", ",", `"data"`, `"x"`, "1", "null", "true", " ", "\xff", `\`,
		})).Draw(t, "body"), "")

		if value, wrong := memberOf([]byte(body), "data", "test"); wrong == nil {
			assert.Contains(t, []string{"x", "data"}, value)
		}
	})
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()

	for _, lines := range [][]string{
		{"gzip"},
		{"GZIP"},
		{"x-gzip"},
		{"*"},
		{"br, gzip;q=0.1"},
		{"br", "gzip"},
		{"gzip ; q=0.001"},
		{"gzip;Q=1.000"},
		{"*;q=0, gzip"},
		{"gzip;q=0.5, identity;q=0.5"},
		{"gzip, identity;q=0"},
		{"*;q=0.5"},
	} {
		assert.True(t, acceptsGzip(lines), "%q", lines)
	}

	for _, lines := range [][]string{
		nil,
		{""},
		{"br"},
		{"identity"},
		{"gzip;q=0"},
		{"gzip;q=0.000"},
		{"*;q=0"},
		{"*;q=1, gzip;q=0"},
		{"gzip;q=0, *"},
		{"*", "gzip;q=0"},
		{"gzip;q=high"},
		{"gzip;q=NaN"},
		{"gzip;q=2"},
		{"gzip;q=-1"},
		{"gzip;"},
		{"notgzip"},
		{"gzip;q=0.5, identity"},
	} {
		assert.False(t, acceptsGzip(lines), "%q", lines)
	}
}

func TestEveryLineOfContentEncodingCounts(t *testing.T) {
	t.Parallel()

	for _, lines := range [][]string{nil, {""}, {"identity"}, {"identity", "IDENTITY, identity"}} {
		assert.True(t, isPlain(lines), "%q", lines)
	}

	for _, lines := range [][]string{{"gzip"}, {"identity", "gzip"}, {"", "br"}, {"identity, gzip"}} {
		assert.False(t, isPlain(lines), "%q", lines)
	}
}

func FuzzQueryValue(f *testing.F) {
	for _, query := range []string{
		"", "text=x", "text=", "text", "text=x&text=y", "text=%", "text=%41", "text=a+b", "text=a;b", "texts=x", "%74ext=x", "text=x=y",
	} {
		f.Add(query)
	}

	f.Fuzz(func(t *testing.T, query string) {
		value, err := queryValue(query, "text", "x")
		all, wrong := url.ParseQuery(query)

		if wrong == nil && len(all["text"]) == 1 {
			require.NoError(t, err)
			assert.Equal(t, all["text"][0], value)
		} else {
			require.Error(t, err)
			assert.Empty(t, value)
		}
	})
}

func FuzzAcceptsGzip(f *testing.F) {
	for _, header := range []string{"gzip", "*;q=1", "gzip;q=0", "br, x-gzip ; q=0.5", ";;", "gzip;q=", ",", "identity;q=0"} {
		f.Add(header)
	}

	f.Fuzz(func(t *testing.T, header string) {
		if accepted := acceptsGzip([]string{header}); accepted {
			assert.True(t, strings.Contains(strings.ToLower(header), "gzip") || strings.Contains(header, "*"))
		}

		assert.False(t, acceptsGzip([]string{header, "gzip;q=0"}), "the last word on gzip is no")
	})
}

func FuzzIfNoneMatch(f *testing.F) {
	for _, header := range []string{"*", `"x"`, `W/"x"`, `"y", "x"`, `"x`, "x", ",", `W/W/"x"`} {
		f.Add(header)
	}

	f.Fuzz(func(t *testing.T, header string) {
		if matches([]string{header}, `"x"`) {
			assert.True(t, strings.Contains(header, `"x"`) || strings.Contains(header, "*"))
		}

		assert.True(t, matches([]string{header, `"x"`}, `"x"`), "another line does not matter")
	})
}

func FuzzJSONBody(f *testing.F) {
	for _, body := range []string{
		`{"data":"x"}`, `{"data":"\ud83d\ude00"}`, `{"data":"\ud83d"}`, `{"data":"\\u"}`, `{"data":1e999}`, `{"data":"x","data":"y"}`, `[]`, `{`, "\xff", ``,
	} {
		f.Add([]byte(body))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		value, wrong := memberOf(body, "data", "test")
		if wrong != nil {
			assert.NotEmpty(t, wrong.detail)
			assert.True(t, utf8.ValidString(wrong.detail))

			return
		}

		var members map[string]any
		require.NoError(t, json.Unmarshal(body, &members))
		assert.Equal(t, map[string]any{"data": value}, members)
	})
}

func FuzzForwardedAddress(f *testing.F) {
	for _, header := range []string{"203.0.113.1", "203.0.113.1, 10.0.0.1", "::1", "[::1]:80", "unknown", "", ",", "1.2.3.4:5", "fe80::1%eth0", "\x00"} {
		f.Add(header)
	}

	engine := gin.New()
	engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	require.NoError(f, engine.SetTrustedProxies([]string{"192.0.2.0/24"}))

	f.Fuzz(func(t *testing.T, header string) {
		for _, proxy := range []string{"192.0.2.1:1234", "198.51.100.1:1234"} {
			c := gin.CreateTestContextOnly(httptest.NewRecorder(), engine)
			c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			c.Request.RemoteAddr = proxy
			c.Request.Header["X-Forwarded-For"] = []string{header}

			address, err := netip.ParseAddr(clientAddress(c))
			require.NoError(t, err, "a log line has an address and nothing else")
			assert.Empty(t, address.Zone())

			if proxy == "198.51.100.1:1234" {
				assert.Equal(t, "198.51.100.1", address.String(), "a stranger's header is not believed")
			}
		}
	})
}
