// Package echo returns a text as it is.
package echo

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Longest is how many bytes of UTF-8 a text may have.
const Longest = 4096

// Text returns the text exactly as it is, or an error that says what is wrong with it.
func Text(text string) (string, error) {
	switch {
	case len(text) > Longest:
		return "", fmt.Errorf("is %d bytes long; the limit is %d", len(text), Longest)
	case !utf8.ValidString(text):
		return "", errors.New("is not UTF-8; encode each character as UTF-8, and each of its bytes as % and two hexadecimal digits")
	default:
		return text, nil
	}
}
