package iam_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/iam"
)

const (
	role    = "arn:aws:iam::123456789012:role/app-test-api-task"
	allowed = `{"Statement":[{"Effect":"Allow","Action":"iam:CreateRole","Resource":"arn:aws:iam::123456789012:role/app-test-*",` +
		`"Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:boundary"}}}]}`
)

func TestMay(t *testing.T) {
	t.Parallel()

	bounded := map[string]string{"iam:PermissionsBoundary": "arn:boundary"}

	for name, test := range map[string]struct {
		policies []string
		boundary string
		request  iam.Request
		want     bool
	}{
		"what is allowed":         {[]string{allowed}, "", iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, true},
		"in any case of letters":  {[]string{allowed}, "", iam.Request{Action: "IAM:createrole", Resource: role, Context: bounded}, true},
		"another action":          {[]string{allowed}, "", iam.Request{Action: "iam:DeleteRole", Resource: role, Context: bounded}, false},
		"another resource":        {[]string{allowed}, "", iam.Request{Action: "iam:CreateRole", Resource: "arn:aws:iam::123456789012:role/admin", Context: bounded}, false},
		"another condition":       {[]string{allowed}, "", iam.Request{Action: "iam:CreateRole", Resource: role, Context: map[string]string{"iam:PermissionsBoundary": "arn:other"}}, false},
		"a condition not met":     {[]string{allowed}, "", iam.Request{Action: "iam:CreateRole", Resource: role, Context: nil}, false},
		"nothing said":            {nil, "", iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, false},
		"an explicit deny":        {[]string{allowed, `{"Statement":[{"Effect":"Deny","Action":"iam:Create*","Resource":"*"}]}`}, "", iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, false},
		"a boundary that is less": {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}]}`, iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, false},
		"a boundary that is more": {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, true},
		"a boundary that denies":  {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`, iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, false},
		"a boundary alone":        {nil, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, iam.Request{Action: "iam:CreateRole", Resource: role, Context: bounded}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var who iam.Identity

			for _, text := range test.policies {
				who.Policies = append(who.Policies, parse(t, text))
			}

			if test.boundary != "" {
				boundary := parse(t, test.boundary)
				who.Boundary = &boundary
			}

			may, err := who.May(test.request)
			require.NoError(t, err)
			assert.Equal(t, test.want, may)
		})
	}
}

// What it does not know is an error, and never a yes.
func TestUnknown(t *testing.T) {
	t.Parallel()

	_, err := iam.Parse(`{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}`)
	require.ErrorIs(t, err, iam.ErrUnknown)

	who := iam.Identity{Policies: []iam.Document{parse(t, `{"Statement":[{"Effect":"Allow","Action":"a:B","Resource":"*",`+
		`"Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}`)}}
	_, err = who.May(iam.Request{Action: "a:B", Resource: "*", Context: map[string]string{"aws:CurrentTime": "2026-01-01T00:00:00Z"}})
	require.ErrorIs(t, err, iam.ErrUnknown)
}

func parse(t *testing.T, text string) iam.Document {
	t.Helper()

	document, err := iam.Parse(text)
	require.NoError(t, err)

	return document
}
