package shout

import "github.com/clipperhouse/uax29/v2/graphemes"

// Reverse returns the text with its characters in reverse order. A character is what a person sees as one: a grapheme
// cluster of Unicode (UAX #29), such as a letter with its accents, or a flag.
func Reverse(text string) string {
	reversed := make([]byte, len(text))
	end := len(reversed)

	for characters := graphemes.FromString(text); characters.Next(); {
		character := characters.Value()
		end -= copy(reversed[end-len(character):], character)
	}

	return string(reversed)
}
