// Package face draws clocks: what a mirror shows next to what the clock shows, as one SVG.
package face

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"text/template"

	"github.com/clockmirror/clockmirror/src/clock"
)

// drawing is a picture of 240 by 160 units. Its colours follow the reader's scheme, its ticks are the dashes of a circle
// whose length counts as twelve, and its texts tell screen readers what the hands show.
//
//go:embed face.svg.tmpl
var drawing string

// Painter draws faces. It is safe for concurrent use.
type Painter struct{ template *template.Template }

// NewPainter returns a Painter.
func NewPainter() (*Painter, error) {
	parsed, err := template.New("face").Parse(drawing)
	if err != nil {
		return nil, fmt.Errorf("read the drawing: %w", err)
	}

	return &Painter{parsed}, nil
}

// dial is one of the two clocks of a drawing.
type dial struct {
	Caption string
	Time    clock.Time
	X       int // of its centre
}

// HourAngle returns how far the hour hand is from twelve, clockwise in degrees: half a degree a minute.
func (d dial) HourAngle() string {
	const perMinute = 0.5

	return strconv.FormatFloat(float64(d.Time.Minutes())*perMinute, 'f', -1, 64)
}

// MinuteAngle returns how far the minute hand is from twelve, clockwise in degrees: six a minute.
func (d dial) MinuteAngle() int {
	const perMinute = 6

	return d.Time.Minute() * perMinute
}

// Draw returns an SVG document of two faces side by side: the time in the mirror, and what the clock really shows.
func (p *Painter) Draw(mirrored clock.Time) ([]byte, error) {
	const left, right = 60, 180

	var picture bytes.Buffer
	if err := p.template.Execute(&picture, []dial{
		{"in the mirror", mirrored, left},
		{"really", mirrored.Mirror(), right},
	}); err != nil {
		return nil, fmt.Errorf("draw %s: %w", mirrored, err)
	}

	return picture.Bytes(), nil
}
