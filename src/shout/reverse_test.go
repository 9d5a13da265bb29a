package shout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/clockmirror/clockmirror/src/shout"
)

func TestReverse(t *testing.T) {
	t.Parallel()

	for text, reversed := range map[string]string{
		"":          "",
		"test":      "tset",
		"e\u0301a":  "ae\u0301",  // an accent stays on its letter
		"a\r\nb":    "b\r\na",    // one line break
		"🇩🇪🇫🇷":      "🇫🇷🇩🇪",      // two flags
		"x👨‍👩‍👧‍👦y": "y👨‍👩‍👧‍👦x", // a family, joined
		"👍🏽👋":       "👋👍🏽",       // a skin tone
		"1️⃣2":      "21️⃣",      // a keycap
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007fz": "z🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", // England
		"각\u1100\u1161\u11a8": "\u1100\u1161\u11a8각", // syllables of Hangul, composed and not
		"नमस्ते":              "स्तेमन",              // a conjunct
		"กำ-":                 "-กำ",                 // a vowel that takes a cell of its own
	} {
		assert.Equal(t, reversed, shout.Reverse(text), "%+q", text)
	}
}

// characters are one character each to the eye, and don't join with any other of them.
func characters() []string {
	return []string{
		"a", "Z", "7", " ", "ß", "\u6f22", "\n", "e\u0301", "o\u0302\u0323", "🇩🇪", "🇺🇳", "👨‍👩‍👧‍👦", "👩🏿‍🚀", "❤️‍🔥", "👍🏽", "1️⃣",
		"\u1112\u1161\u11ab", "क्षि", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍", "\x00",
	}
}

func TestReverseKeepsEveryCharacterWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom(characters())).Draw(t, "characters")
		reversed := slices.Clone(text)
		slices.Reverse(reversed)

		assert.Equal(t, strings.Join(reversed, ""), shout.Reverse(strings.Join(text, "")))
	})
}

func TestReverseLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		want, got := []rune(text), []rune(shout.Reverse(text))

		slices.Sort(want)
		slices.Sort(got)
		assert.Equal(t, want, got)
	})
}
