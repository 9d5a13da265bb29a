// Package browser opens pages in a real Chromium.
package browser

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// New starts a browser, or ends the test as testkit.Missing does. The context is for chromedp; it ends with the test. The servers of the
// URLs are trusted as far as this machine trusts them: Chromium alone does not know of the authorities that were added to it.
func New(tb testing.TB, urls ...string) context.Context {
	tb.Helper()

	chromium := testkit.Program(tb, "apt-get install chromium, or install Chrome",
		"chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "chrome")

	var trusted []string

	for _, url := range urls {
		if host, secure := strings.CutPrefix(url, "https://"); secure {
			trusted = append(trusted, fingerprint(tb, host))
		}
	}

	allocator, stop := chromedp.NewExecAllocator(tb.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(tb.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(trusted, ",")),
	)...)
	tb.Cleanup(stop)

	ctx, quit := chromedp.NewContext(allocator)
	tb.Cleanup(quit)

	ctx, cancel := context.WithTimeout(ctx, 2*testkit.Patience)
	tb.Cleanup(cancel)

	return ctx
}

// fingerprint is that of the key of a server whose certificate this machine finds good, as Chromium writes it.
func fingerprint(tb testing.TB, host string) string {
	tb.Helper()

	if !strings.Contains(host, ":") {
		host += ":443"
	}

	connection, err := (&tls.Dialer{}).DialContext(tb.Context(), "tcp", host)
	require.NoError(tb, err)

	defer func() { _ = connection.Close() }()

	secure, ok := connection.(*tls.Conn)
	require.True(tb, ok)

	sum := sha256.Sum256(secure.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)

	return base64.StdEncoding.EncodeToString(sum[:])
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
