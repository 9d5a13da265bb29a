package main

import (
	"errors"
	"log/slog"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/telemetry"
)

// parts are what the service offers, and what that takes.
type parts struct {
	settings config.Config
	metrics  *telemetry.Metrics
	logger   *slog.Logger

	all []api.Part
	// memory is how many bytes of this process caches may take.
	memory int64
	stops  []func() error
}

// newParts puts the service together. Call stop at shutdown.
func newParts(settings config.Config, metrics *telemetry.Metrics, logger *slog.Logger) (*parts, error) {
	made := &parts{settings: settings, metrics: metrics, logger: logger}

	for _, add := range []func(*parts) error{
		addClock,
		addEcho,
		addGreeting,
		addShout,
	} {
		if err := add(made); err != nil {
			return nil, err
		}
	}

	return made, nil
}

// stop frees what the parts hold.
func (p *parts) stop() error {
	var err error
	for _, stop := range p.stops {
		err = errors.Join(err, stop())
	}

	return err
}

func addEcho(p *parts) error {
	p.all = append(p.all, api.Echo())

	return nil
}
