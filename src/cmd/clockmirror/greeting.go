package main

import "github.com/clockmirror/clockmirror/src/api"

func addGreeting(p *parts) error {
	p.all = append(p.all, api.Greeting(p.settings.Greeting.Text()))

	return nil
}
