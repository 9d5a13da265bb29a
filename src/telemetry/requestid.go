package telemetry

import (
	"math/rand/v2"
	"net/http"
)

const (
	longestRequestID = 128
	madeRequestID    = 20

	// base32 has no letters that look like digits; each of its 32 symbols holds five random bits.
	base32     = "0123456789abcdefghjkmnpqrstvwxyz"
	base32Bits = 5
	base32Mask = 1<<base32Bits - 1
)

// RequestID returns the id in X-Request-Id if it is valid: 1 to 128 visible ASCII characters other than quotes and
// backslashes. Otherwise it returns a new one of 20 characters, 100 random bits: unique, but not a secret.
func RequestID(header http.Header) string {
	if given := header["X-Request-Id"]; len(given) == 1 && isSane(given[0]) {
		return given[0]
	}

	var id [madeRequestID]byte

	const half = madeRequestID / 2

	high, low := rand.Uint64(), rand.Uint64() //nolint:gosec // G404: see above
	for i := range half {
		id[i] = base32[high&base32Mask]
		id[half+i] = base32[low&base32Mask]
		high >>= base32Bits
		low >>= base32Bits
	}

	return string(id[:])
}

func isSane(text string) bool {
	if text == "" || len(text) > longestRequestID {
		return false
	}

	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\' {
			return false
		}
	}

	return true
}
