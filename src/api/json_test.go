package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDataOf(t *testing.T) {
	t.Parallel()

	for body, value := range map[string]string{
		`{"data":"test"}`:          "test",
		"{\n\"data\" : \"\" }\t":   "",
		`{"d\u0061ta":"\u00e4\n"}`: "ä\n",
	} {
		got, wrong := dataOf([]byte(body))
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
		`{"data":true}`:            {"data", "data is a boolean and must be a string"},
		`{"data":["x"]}`:           {"data", "data is an array and must be a string"},
		`{"data":{"data":"x"}}`:    {"data", "data is an object and must be a string"},
		`{"data":"x","data":"y"}`:  {"data", "data is given more than once"},
		`{"DATA":"x"}`:             {"DATA", `"DATA" is not a member that the body may have`},
		`{"data":"x","lang":"\n"}`: {"lang", `"lang" is not a member that the body may have`},
		`{"` + long + `":1}`:       {long[:60], `"` + long[:60] + `" is not a member that the body may have`},
	} {
		got, failure := dataOf([]byte(body))
		require.NotNil(t, failure, body)
		assert.Empty(t, got)
		assert.Equal(t, wrong.member, failure.member, body)
		assert.Equal(t, wrong.detail+example, failure.detail, body)
	}
}

var long = strings.Repeat("x", 100) //nolint:gochecknoglobals // a constant, but for Repeat

func TestDataOfNeverPanics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{
			"{", "}", "[", "]", ":", ",", `"data"`, `"x"`, "1", "null", "true", " ", "\xff", `\`,
		})).Draw(t, "body"), "")

		if value, wrong := dataOf([]byte(body)); wrong == nil {
			assert.Contains(t, []string{"x", "data"}, value)
		}
	})
}
