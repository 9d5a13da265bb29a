// Package waf decides what a web ACL of AWS WAF does with a request, as far as AWS documents its managed rules.
package waf

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// Request is what the rules look at. Path and Query are as sent.
type Request struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

// Group is a managed rule group in a web ACL.
type Group struct {
	Name string
	// CountAll: the rules of the group count and block nothing.
	CountAll bool
	// Count are the rules that count and block nothing.
	Count []string
	// Except are the paths that the group does not look at, as they are sent.
	Except *regexp.Regexp
}

// ErrUnknown says that a web ACL names what AWS does not have, which AWS refuses as well.
var ErrUnknown = errors.New("no such managed rule")

// Decide returns the rules that block a request, and those that count it.
func Decide(groups []Group, request Request) (blocks, counts []string, err error) {
	known := managed()

	for _, group := range groups {
		rules, found := known[group.Name]
		if !found {
			return nil, nil, fmt.Errorf("%w: group %s", ErrUnknown, group.Name)
		}

		for _, name := range group.Count {
			if !slices.ContainsFunc(rules, func(rule rule) bool { return rule.name == name }) {
				return nil, nil, fmt.Errorf("%w: %s in %s", ErrUnknown, name, group.Name)
			}
		}

		if group.Except != nil && group.Except.MatchString(request.Path) {
			continue
		}

		for _, rule := range rules {
			switch {
			case !slices.ContainsFunc(rule.inspects(request), rule.finds):
			case group.CountAll || slices.Contains(group.Count, rule.name):
				counts = append(counts, rule.name)
			default:
				blocks = append(blocks, rule.name)
			}
		}
	}

	slices.Sort(blocks)
	slices.Sort(counts)

	return blocks, counts, nil
}
