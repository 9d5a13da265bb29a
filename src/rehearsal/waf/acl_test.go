package waf_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/waf"
)

const (
	common = "AWSManagedRulesCommonRuleSet"
	known  = "AWSManagedRulesKnownBadInputsRuleSet"
)

// The examples and limits of AWS's documentation.
func TestDecide(t *testing.T) {
	t.Parallel()

	agent := http.Header{"User-Agent": {"curl/8"}}

	for _, row := range []struct {
		name    string
		request waf.Request
		want    []string
	}{
		{"a plain request", waf.Request{Path: "/", Header: agent}, nil},
		{"no user agent", waf.Request{Path: "/"}, []string{"NoUserAgent_HEADER"}},
		{"a scanner", waf.Request{Header: http.Header{"User-Agent": {"Nmap"}}}, []string{"UserAgent_BadBots_HEADER"}},
		{"a body of 8 KB", waf.Request{Body: strings.Repeat("a", 8192), Header: agent}, nil},
		{"a longer body", waf.Request{Body: strings.Repeat("a", 8193), Header: agent}, []string{"SizeRestrictions_BODY"}},
		{"a query of 2,048 bytes", waf.Request{Query: strings.Repeat("a", 2048), Header: agent}, nil},
		{"a longer query", waf.Request{Query: strings.Repeat("a", 2049), Header: agent}, []string{"SizeRestrictions_QUERYSTRING"}},
		{"a script in an argument, encoded", waf.Request{Query: "a=%3Cscript%3E", Header: agent}, []string{"CrossSiteScripting_QUERYARGUMENTS"}},
		{"the address of the metadata in a body", waf.Request{Body: "169.254.169.254", Header: agent}, []string{"EC2MetaDataSSRF_BODY"}},
		{"a folder above in a path", waf.Request{Path: "/%2e./a", Header: agent}, []string{"GenericLFI_URIPATH"}},
		{"Log4j in a header", waf.Request{Header: http.Header{"User-Agent": {"${jndi:ldap://a}"}}}, []string{"Log4JRCE_HEADER"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()

			blocks, counts, err := waf.Decide([]waf.Group{{Name: common}, {Name: known}}, row.request)
			require.NoError(t, err)
			assert.Equal(t, row.want, blocks)
			assert.Empty(t, counts)

			blocks, counts, err = waf.Decide([]waf.Group{{Name: common, CountAll: true}, {Name: known, Count: []string{"Log4JRCE_HEADER"}}}, row.request)
			require.NoError(t, err)
			assert.Empty(t, blocks)
			assert.Equal(t, row.want, counts)
		})
	}

	blocks, _, err := waf.Decide([]waf.Group{{Name: common, Except: regexp.MustCompile("^(/a|/b)$")}}, waf.Request{Path: "/b"})
	require.NoError(t, err)
	assert.Empty(t, blocks, "a path that the group does not look at")

	_, _, err = waf.Decide([]waf.Group{{Name: common, Count: []string{"SizeRestriction_BODY"}}}, waf.Request{})
	require.ErrorIs(t, err, waf.ErrUnknown)
	_, _, err = waf.Decide([]waf.Group{{Name: "AWSManagedRulesSomething"}}, waf.Request{})
	require.ErrorIs(t, err, waf.ErrUnknown)
}
