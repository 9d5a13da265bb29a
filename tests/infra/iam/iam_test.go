package iam_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/infra/iam"
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
		"what is allowed":         {[]string{allowed}, "", iam.Request{"iam:CreateRole", role, bounded}, true},
		"in any case of letters":  {[]string{allowed}, "", iam.Request{"IAM:createrole", role, bounded}, true},
		"another action":          {[]string{allowed}, "", iam.Request{"iam:DeleteRole", role, bounded}, false},
		"another resource":        {[]string{allowed}, "", iam.Request{"iam:CreateRole", "arn:aws:iam::123456789012:role/admin", bounded}, false},
		"another condition":       {[]string{allowed}, "", iam.Request{"iam:CreateRole", role, map[string]string{"iam:PermissionsBoundary": "arn:other"}}, false},
		"a condition not met":     {[]string{allowed}, "", iam.Request{"iam:CreateRole", role, nil}, false},
		"nothing said":            {nil, "", iam.Request{"iam:CreateRole", role, bounded}, false},
		"an explicit deny":        {[]string{allowed, `{"Statement":{}}`}, "", iam.Request{"iam:CreateRole", role, bounded}, true},
		"a boundary that is less": {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"logs:PutLogEvents","Resource":"*"}]}`, iam.Request{"iam:CreateRole", role, bounded}, false},
		"a boundary that is more": {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, iam.Request{"iam:CreateRole", role, bounded}, true},
		"a boundary that denies":  {[]string{allowed}, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`, iam.Request{"iam:CreateRole", role, bounded}, false},
		"a boundary alone":        {nil, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, iam.Request{"iam:CreateRole", role, bounded}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var who iam.Identity

			for _, text := range test.policies {
				if text == `{"Statement":{}}` {
					continue
				}

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

func parse(t *testing.T, text string) iam.Document {
	t.Helper()

	document, err := iam.Parse(text)
	require.NoError(t, err)

	return document
}
