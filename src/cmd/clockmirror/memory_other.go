//go:build !linux

package main

// releaseStartupMemory does nothing where /proc is not there to tell the mappings.
func releaseStartupMemory() error { return nil }
