package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit/browser"
)

func TestTheClockInSwaggerUI(t *testing.T) {
	t.Parallel()

	url := base(t)
	ctx := browser.New(t, url)
	complaints := listen(t, ctx)

	assert.JSONEq(t, `{"mirror_time":"12:22","actual_time":"11:38"}`, tryItOut(t, ctx, url, "clock-get_clock"))

	picture, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`window.scrollTo(0, 0), document.querySelector('.info img[src*="clock.svg"]').naturalWidth`))
	require.NoError(t, err)
	assert.Positive(t, picture, "the description shows a clock")

	browser.Shot(ctx, t, "browser", "swagger-ui")
	assert.Empty(t, complaints(), "nothing is missing, and the policy lets in all that the page needs")
}

func TestTheFacesSuitLightAndDark(t *testing.T) {
	t.Parallel()

	url := base(t)
	ctx := browser.New(t, url)
	require.NoError(t, chromedp.Do(ctx,
		chromedp.EmulateViewport(200, 134),
		chromedp.Navigate(url+"/livez"), // a page of the same origin to show the picture on
	))

	_, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.style.margin = 0,
		document.body.innerHTML = '<img width="200" src="/clock.svg?mirror_time=12:22">'`))
	require.NoError(t, err)

	pictures := map[string][]byte{}

	for _, scheme := range []string{"light", "dark"} {
		browser.Prefer(ctx, t, scheme)

		pictures[scheme] = browser.Shot(ctx, t, "browser", "clock-"+scheme)
	}

	assert.NotEqual(t, pictures["light"], pictures["dark"])
}
