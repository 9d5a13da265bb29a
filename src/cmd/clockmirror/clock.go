package main

import (
	"fmt"

	"github.com/clockmirror/clockmirror/src/api"
	"github.com/clockmirror/clockmirror/src/face"
)

func addClock(p *parts) error {
	painter, err := face.NewPainter()
	if err != nil {
		return fmt.Errorf("make a painter: %w", err)
	}

	p.all = append(p.all, api.Clock(), api.Face(painter))

	return nil
}
