// Package clock solves the mirror clock: what an analogue 12-hour clock really shows when a mirror shows a given time.
//
// A mirror turns each hand from its angle θ to 360° − θ. The hands of a 12-hour dial go round together once in 720
// minutes, so the time that is m minutes past twelve is seen as the one that is 720 − m minutes past twelve.
package clock

import (
	"fmt"
	"strconv"
)

const (
	minutesPerHour = 60
	hoursPerDial   = 12

	// Minutes is how many different times a 12-hour dial can show.
	Minutes = hoursPerDial * minutesPerHour
)

// Time is what a 12-hour dial shows, to the minute: 01:00 to 12:59. Its zero value is 12:00.
type Time struct {
	minutes uint16 // past twelve, 0 to Minutes-1
}

// At returns the time that is the given number of minutes past twelve, modulo 720,
// backwards for a negative number.
func At(minutes int) Time {
	return Time{minutes: uint16((minutes%Minutes + Minutes) % Minutes)}
}

// Minutes returns how many minutes past twelve it is: 0 (12:00) to 719 (11:59).
func (t Time) Minutes() int { return int(t.minutes) }

// Hour returns the hour as a dial names it: 1 to 12.
func (t Time) Hour() int {
	if hour := int(t.minutes) / minutesPerHour; hour != 0 {
		return hour
	}

	return hoursPerDial
}

// Minute returns the minute of the hour: 0 to 59.
func (t Time) Minute() int { return int(t.minutes) % minutesPerHour }

// Mirror returns what a mirror shows of t. It is its own inverse: seen in a second mirror, t is itself again.
func (t Time) Mirror() Time { return Time{minutes: (Minutes - t.minutes) % Minutes} }

// String returns t as HH:MM, hours 01 to 12.
func (t Time) String() string {
	text, _ := t.AppendText(make([]byte, 0, len("12:00"))) // never fails

	return string(text)
}

// AppendText appends t as HH:MM, hours 01 to 12, and implements [encoding.TextAppender]. The error is always nil.
func (t Time) AppendText(text []byte) ([]byte, error) {
	hour, minute := t.Hour(), t.Minute()

	return append(text, digit(hour/10), digit(hour%10), ':', digit(minute/10), digit(minute%10)), nil
}

// ParseError says why a text is not a time on a 12-hour dial.
type ParseError struct {
	// Text is what was given.
	Text string
	// Reason says what is wrong with it and what would be right, for people to read.
	Reason string
}

// longestQuoted is how many bytes of a wrong text an error repeats: enough for a typing error, too few to flood a log.
const longestQuoted = 20

// Error returns the text, quoted in ASCII and cut when long, and the reason.
func (e *ParseError) Error() string {
	if len(e.Text) > longestQuoted {
		return fmt.Sprintf("a text of %d bytes %s", len(e.Text), e.Reason)
	}

	return strconv.QuoteToASCII(e.Text) + " " + e.Reason
}

// Parse reads a time as H:MM or HH:MM: hours 1 to 12, minutes 00 to 59, ASCII digits, nothing before or after. There is
// no 00:20 on a dial (it is 12:20) and no 13:20 (it is 01:20). Every error is a [*ParseError].
func Parse(text string) (Time, error) {
	var hour, minute int

	switch {
	case len(text) == len("1:23") && text[1] == ':' && digits(text[0], text[2], text[3]):
		hour, minute = value(text[0]), 10*value(text[2])+value(text[3])
	case len(text) == len("12:34") && text[2] == ':' && digits(text[0], text[1], text[3], text[4]):
		hour, minute = 10*value(text[0])+value(text[1]), 10*value(text[3])+value(text[4])
	default:
		return Time{}, &ParseError{Text: text, Reason: "is not a time: it must be H:MM or HH:MM, such as 2:11 or 12:22"}
	}

	switch {
	case minute >= minutesPerHour:
		return Time{}, &ParseError{Text: text, Reason: "is not a time: minutes are 00 to 59"}
	case hour == 0 || hour > hoursPerDial:
		return Time{}, &ParseError{Text: text, Reason: "is not on a 12-hour dial: " + onDial(hour, minute)}
	}

	return At(hour*minutesPerHour + minute), nil
}

// onDial says which hours there are, and for an hour of the day how a dial shows it.
func onDial(hour, minute int) string {
	const hours = "hours are 1 to 12"
	if hour >= 2*hoursPerDial {
		return hours
	}

	return hours + ", so it is " + At(hour*minutesPerHour+minute).String()
}

func digits(characters ...byte) bool {
	for _, c := range characters {
		if c < '0' || c > '9' {
			return false
		}
	}

	return true
}

func value(digit byte) int { return int(digit - '0') }

func digit(value int) byte { return '0' + byte(value) } //nolint:gosec // G115: 0 to 9 fits
