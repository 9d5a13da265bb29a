package main

import (
	"fmt"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/face"
	"github.com/clockmirror/clockmirror/src/shout"
)

// newParts returns what the service offers.
func newParts(settings config.Config, shouter *shout.Shouter) ([]api.Part, error) {
	painter, err := face.NewPainter()
	if err != nil {
		return nil, fmt.Errorf("make a painter: %w", err)
	}

	return []api.Part{
		api.Clock(),
		api.Face(painter),
		api.Echo(),
		api.Greeting(settings.Greeting.Text()),
		api.Shout(shouter),
	}, nil
}
