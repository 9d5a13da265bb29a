// Package browser opens pages in a real Chromium.
package browser

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// New starts a browser, or ends the test as testkit.Missing does. The context is for chromedp; it ends with the test.
func New(tb testing.TB) context.Context {
	tb.Helper()

	chromium := testkit.Program(tb, "apt-get install chromium, or install Chrome", "chromium", "chromium-browser", "google-chrome", "chrome")

	allocator, stop := chromedp.NewExecAllocator(tb.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(tb.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
	)...)
	tb.Cleanup(stop)

	ctx, quit := chromedp.NewContext(allocator)
	tb.Cleanup(quit)

	ctx, cancel := context.WithTimeout(ctx, 2*testkit.Patience)
	tb.Cleanup(cancel)

	return ctx
}

// Prefer has pages believe that a person prefers a colour scheme, light or dark.
func Prefer(ctx context.Context, tb testing.TB, scheme string) {
	tb.Helper()

	_, err := cdp.Call(ctx, chromedp.FromContext(ctx).Target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(tb, err)
}

// Shot returns a picture of the page, and keeps it as .build/artifacts/FOLDER/NAME.png.
func Shot(ctx context.Context, tb testing.TB, folder, name string) []byte {
	tb.Helper()

	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(tb, err)
	require.NoError(tb, os.WriteFile(filepath.Join(testkit.Artifacts(tb, folder), name+".png"), picture, 0o600))

	return picture
}
