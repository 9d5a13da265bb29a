package waf

import (
	"net/url"
	"strings"
)

// rule is one rule of a managed group: what it looks at, and what it finds there. AWS documents the first and only examples of the
// second, so it finds these examples and no more.
type rule struct {
	name     string
	inspects func(Request) []string
	finds    func(string) bool
}

// Parts of a request, as AWS names them at the end of a rule's name.
func method(r Request) []string      { return []string{r.Method} }
func body(r Request) []string        { return []string{r.Body} }
func queryString(r Request) []string { return []string{r.Query, decoded(r.Query)} }
func path(r Request) []string        { return []string{decoded(r.Path)} }
func cookie(r Request) []string      { return []string{r.Header.Get("Cookie")} }
func userAgent(r Request) []string   { return []string{r.Header.Get("User-Agent")} }
func host(r Request) []string        { return []string{r.Header.Get("Host")} }

func queryArguments(r Request) []string {
	var all []string

	for argument := range strings.SplitSeq(r.Query, "&") {
		_, value, _ := strings.Cut(argument, "=")
		all = append(all, decoded(value))
	}

	return all
}

func headers(r Request) []string {
	var all []string
	for _, values := range r.Header {
		all = append(all, values...)
	}

	return all
}

func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}

	return text
}

func longerThan(bytes int) func(string) bool {
	return func(text string) bool { return len(text) > bytes }
}

func containing(parts ...string) func(string) bool {
	return func(text string) bool {
		text = strings.ToLower(text)
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}

		return false
	}
}

func everywhere(name string, finds func(string) bool, parts map[string]func(Request) []string) []rule {
	rules := make([]rule, 0, len(parts))
	for part, inspects := range parts {
		rules = append(rules, rule{name + "_" + part, inspects, finds})
	}

	return rules
}

// managed are the rules of AWS's groups that look at a request, from 'AWS Managed Rules rule groups list'. The list of addresses of
// bad reputation looks at none.
func managed() map[string][]rule {
	common := []rule{
		{"NoUserAgent_HEADER", userAgent, func(text string) bool { return text == "" }},
		{"UserAgent_BadBots_HEADER", userAgent, containing("nessus", "nmap")},
		{"SizeRestrictions_QUERYSTRING", func(r Request) []string { return []string{r.Query} }, longerThan(2048)},
		{"SizeRestrictions_Cookie_HEADER", cookie, longerThan(10240)},
		{"SizeRestrictions_BODY", body, longerThan(8192)},
		{"SizeRestrictions_URIPATH", path, longerThan(1024)},
		{"RestrictedExtensions_URIPATH", path, containing(".log", ".ini")},
		{"RestrictedExtensions_QUERYARGUMENTS", queryArguments, containing(".log", ".ini")},
	}
	texts := map[string]func(Request) []string{"BODY": body, "QUERYARGUMENTS": queryArguments, "URIPATH": path}
	common = append(common, everywhere("GenericLFI", containing("../"), texts)...)
	common = append(common, everywhere("GenericRFI", containing("http://1", "https://1", "ftp://1"), texts)...)

	texts["COOKIE"] = cookie
	common = append(common, everywhere("EC2MetaDataSSRF", containing("169.254.169.254"), texts)...)
	common = append(common, everywhere("CrossSiteScripting", containing("<script"), texts)...)

	bad := []rule{
		{"Host_localhost_HEADER", host, containing("localhost")},
		{"PROPFIND_METHOD", method, containing("propfind")},
		{"ExploitablePaths_URIPATH", path, containing("web-inf")},
	}
	parts := map[string]func(Request) []string{"HEADER": headers, "URIPATH": path, "QUERYSTRING": queryString, "BODY": body}
	bad = append(bad, everywhere("JavaDeserializationRCE", containing("java.lang.runtime"), parts)...)
	bad = append(bad, everywhere("Log4JRCE", containing("${jndi:"), parts)...)

	return map[string][]rule{
		"AWSManagedRulesCommonRuleSet":          common,
		"AWSManagedRulesKnownBadInputsRuleSet":  bad,
		"AWSManagedRulesAmazonIpReputationList": nil,
	}
}
