// Package iam decides by policy documents who may do what, as AWS does: an explicit deny wins, then there has to be an allow,
// and under a permissions boundary there has to be one there too. It knows the elements and the condition operators that the
// stacks use, and refuses what it does not know instead of guessing.
package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ErrUnknown says that a policy has something that this package does not know.
var ErrUnknown = errors.New("not known here")

// Request is what somebody wants to do.
type Request struct {
	Action   string            `json:"action"`   // such as iam:CreateRole
	Resource string            `json:"resource"` // an ARN, or "*" for an action that knows no resource
	Context  map[string]string `json:"context"`  // what conditions look at; a key that is not there is not known to AWS either
}

// Document is a policy.
type Document struct {
	Statement []Statement `json:"Statement"`
}

// Statement is one statement of a policy.
type Statement struct {
	Sid       string                          `json:"Sid"`
	Effect    string                          `json:"Effect"`
	Action    OneOrMany                       `json:"Action"`
	Resource  OneOrMany                       `json:"Resource"`
	Condition map[string]map[string]OneOrMany `json:"Condition"`

	NotAction    OneOrMany       `json:"NotAction"`
	NotResource  OneOrMany       `json:"NotResource"`
	Principal    json.RawMessage `json:"Principal"`
	NotPrincipal json.RawMessage `json:"NotPrincipal"`
}

// OneOrMany is how IAM writes lists: a single value needs no brackets.
type OneOrMany []string

// UnmarshalJSON reads a string or a list of strings.
func (o *OneOrMany) UnmarshalJSON(data []byte) error {
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*o = many

		return nil
	}

	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return fmt.Errorf("read a string or a list of strings: %w", err)
	}

	*o = OneOrMany{one}

	return nil
}

// Parse reads a policy document.
func Parse(text string) (Document, error) {
	var document Document

	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&document); err != nil {
		return Document{}, fmt.Errorf("read a policy: %w", err)
	}

	for _, each := range document.Statement {
		if len(each.NotAction)+len(each.NotResource)+len(each.NotPrincipal) > 0 {
			return Document{}, fmt.Errorf("statement %q: Not… elements are %w", each.Sid, ErrUnknown)
		}
	}

	return document, nil
}

// Identity is a role: what its policies say, and the boundary that it carries, if any.
type Identity struct {
	Policies []Document
	Boundary *Document
}

// May reports whether the identity may do what is requested.
func (i Identity) May(request Request) (bool, error) {
	allowed, denied, err := decide(i.Policies, request)
	if err != nil || denied || !allowed {
		return false, err
	}

	if i.Boundary == nil {
		return true, nil
	}

	allowed, denied, err = decide([]Document{*i.Boundary}, request)

	return allowed && !denied, err
}

func decide(documents []Document, request Request) (allowed, denied bool, err error) {
	for _, document := range documents {
		for _, statement := range document.Statement {
			applies, err := statement.applies(request)
			if err != nil {
				return false, false, fmt.Errorf("statement %q: %w", statement.Sid, err)
			}

			switch {
			case !applies:
			case statement.Effect == "Deny":
				denied = true
			case statement.Effect == "Allow":
				allowed = true
			}
		}
	}

	return allowed, denied, nil
}

func (s Statement) applies(request Request) (bool, error) {
	action := slices.ContainsFunc(s.Action, func(pattern string) bool {
		return like(strings.ToLower(pattern), strings.ToLower(request.Action))
	})
	resource := slices.ContainsFunc(s.Resource, func(pattern string) bool { return like(pattern, request.Resource) })

	if !action || !resource {
		return false, nil
	}

	for operator, keys := range s.Condition {
		for key, values := range keys {
			holds, err := condition(operator, key, values, request.Context)
			if err != nil || !holds {
				return false, err
			}
		}
	}

	return true, nil
}

// condition is met when one of the values fits. A key that the request does not have fits only …IfExists and Null.
func condition(operator, key string, values []string, context map[string]string) (bool, error) {
	actual, known := context[key]

	if operator == "Null" {
		return slices.Contains(values, strconv.FormatBool(!known)), nil
	}

	plain, ifExists := strings.CutSuffix(operator, "IfExists")
	if !known {
		return ifExists, nil
	}

	switch plain {
	case "StringEquals", "ArnEquals", "Bool":
		return slices.Contains(values, actual), nil
	case "StringLike", "ArnLike":
		return slices.ContainsFunc(values, func(pattern string) bool { return like(pattern, actual) }), nil
	default:
		return false, fmt.Errorf("the condition operator %s is %w", operator, ErrUnknown)
	}
}

// like compares as IAM does: * is anything, ? is one character, and nothing else is special.
func like(pattern, text string) bool {
	// path.Match stops at slashes and knows brackets and backslashes; IAM does neither.
	hide := strings.NewReplacer("/", "\x00", "[", "\x01", "]", "\x02", `\`, "\x03")
	matched, err := path.Match(hide.Replace(pattern), hide.Replace(text))

	return err == nil && matched
}
