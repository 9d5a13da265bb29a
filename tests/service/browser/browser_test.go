// Package browser_test opens the page as a person does, in a real Chromium.
package browser_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
	"github.com/clockmirror/clockmirror/tests/testkit/browser"
)

// base returns the URL of what runs, or of what is built and started here.
func base(t *testing.T) string {
	t.Helper()

	if url := os.Getenv("CLOCKMIRROR_URL"); url != "" {
		return strings.TrimSuffix(url, "/")
	}

	return testkit.Start(t, testkit.Build(t, false)).URL
}

func TestTryItOutInSwaggerUI(t *testing.T) {
	t.Parallel()

	url := base(t)
	ctx := browser.New(t, url)
	complaints := listen(t, ctx)

	assert.JSONEq(t, `{"text":"foo"}`, tryItOut(t, ctx, url, "echo-get_api_echo"))

	title, err := chromedp.Run(ctx, chromedp.Title())
	require.NoError(t, err)
	assert.Equal(t, "clockmirror", title)

	_, err = chromedp.Run(ctx, chromedp.Evaluate[float64](`window.scrollTo(0, 0), 0`))
	require.NoError(t, err)

	browser.Shot(ctx, t, "browser", "swagger-ui-echo")

	entries, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`[...document.querySelectorAll('.opblock-summary')].map(entry => entry.innerText.split("\n").slice(0, 2).join(' ')).join(', ')`))
	require.NoError(t, err)
	assert.NotContains(t, entries, "HEAD", "people see one entry for each path")
	assert.Equal(t, 1, strings.Count(entries, "GET /api/echo"))

	assert.Empty(t, complaints(), "nothing is missing, and the policy lets in all that the page needs")
}

// tryItOut asks an operation as the page suggests, and returns the answer. Like a person, it loads the page once more when that gets stuck.
func tryItOut(t *testing.T, ctx context.Context, url, operation string) string { //nolint:revive // the test comes first
	t.Helper()

	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1000, 1420)))

	answer, err := tryOnce(ctx, url, operation)
	if err != nil {
		t.Logf("the page is loaded again: %v", err)

		answer, err = tryOnce(ctx, url, operation)
	}

	require.NoError(t, err)

	return answer
}

func tryOnce(ctx context.Context, url, operation string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()

	entry := "#operations-" + operation + " "

	for _, step := range []struct {
		what   string
		action chromedp.Action[chromedp.Void]
	}{
		{"open the page", chromedp.Navigate(url + "/")},
		{"unfold the operation", chromedp.Click(entry+`.opblock-summary-control`, chromedp.NodeVisible)},
		{"press 'Try it out'", chromedp.Click(entry+`.try-out__btn`, chromedp.NodeVisible)},
		{"press 'Execute'", chromedp.Click(entry+`.execute`, chromedp.NodeVisible)},
	} {
		if err := chromedp.Do(ctx, step.action); err != nil {
			return "", fmt.Errorf("%s: %w", step.what, err)
		}
	}

	answer, err := chromedp.Run(ctx, chromedp.Text(entry+`.live-responses-table .highlight-code code`, chromedp.NodeVisible))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}

	return answer, nil
}

// listen collects what the browser's console complains of.
func listen(t *testing.T, ctx context.Context) func() []string { //nolint:revive // the test comes first
	t.Helper()

	var (
		mutex sync.Mutex
		found []string
	)

	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		mutex.Lock()
		defer mutex.Unlock()

		switch event := event.(type) {
		case *cdplog.EventEntryAdded:
			if event.Entry.Level == cdplog.EntryLevelError || event.Entry.Level == cdplog.EntryLevelWarning {
				found = append(found, event.Entry.Text+" "+event.Entry.URL)
			}
		case *runtime.EventExceptionThrown:
			found = append(found, event.ExceptionDetails.Text)
		}
	}))

	return func() []string {
		mutex.Lock()
		defer mutex.Unlock()

		return found
	}
}
