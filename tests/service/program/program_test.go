// Package program_test holds what the program does as a process: its settings, exit codes, logs, metrics and traces, how
// it behaves under load and attack, and how it stops.
package program_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// TestProgram builds the program once, with the race detector, for all its subtests.
func TestProgram(t *testing.T) {
	program := testkit.Build(t, true)

	for name, test := range map[string]func(*testing.T, string){
		"drains, then stops":                                              drainThenStop,
		"ends at once at a second signal":                                 secondSignalEndsAtOnce,
		"drains at SIGHUP too":                                            hangUpDrains,
		"lets requests in flight end":                                     requestsInFlightEnd,
		"cuts requests that never end":                                    requestsThatNeverEndAreCut,
		"stops although a profile is being taken":                         profileDoesNotHoldTheStop,
		"refuses what is over MAX_IN_FLIGHT, but no probe":                overload,
		"refuses what is over MAX_IN_FLIGHT beside a slow upstream":       overloadByUpstream,
		"gives no turn to bodies that are still coming":                   slowBodies,
		"gives no turn of others to readers that are slow":                slowReaders,
		"gives no turn of others to an upstream or readers that are slow": slowRoutes,
		"keeps MAX_CONNECTIONS, and still answers":                        moreConnectionsThanAllowed,
		"closes connections whose headers are slow":                       slowHeaders,
		"gives up on slow readers":                                        slowReader,
		"loses no answer with a short REQUEST_TIMEOUT":                    shortTimeouts,
		"answers although its log is not read":                            unreadLog,
		"stops although its log is not read":                              unreadLogDoesNotHoldTheStop,
		"survives a closed log":                                           closedLog,
		"explains wrong settings":                                         wrongSettings,
		"explains a port that is taken":                                   portInUse,
		"has a health check":                                              healthcheck,
		"tells its version":                                               version,
		"tells its usage":                                                 usage,
		"has the settings that the README names":                          readmeHasTheSettings,
		"logs a line for each request":                                    log,
		"believes trusted proxies alone":                                  clientBehindProxies,
		"counts requests":                                                 metrics,
		"shows profiles to operators alone":                               profiles,
		"exports traces":                                                  traces,
		"exports no unsampled trace":                                      noTraceWithoutSampling,
		"takes lost spans for no failure":                                 lostSpansAreNoFailure,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, program)
		})
	}
}

func status(t *testing.T, url string) int {
	t.Helper()

	response, _ := testkit.Ask(t, url)

	return response.StatusCode
}

// run runs the program to its end.
func run(t *testing.T, program string, environ []string, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()

	var out, err strings.Builder

	command := exec.CommandContext(ctx, program, arguments...)
	command.Env, command.Stdout, command.Stderr = environ, &out, &err
	_ = command.Run() // the exit code tells

	return command.ProcessState.ExitCode(), out.String(), err.String()
}

// lines waits until as many requests are logged, and returns them.
func lines(t *testing.T, server *testkit.Server, count int) []map[string]any {
	t.Helper()

	var found []map[string]any

	testkit.Eventually(t, func() error {
		found = nil

		for line := range strings.Lines(server.Output()) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil {
				return fmt.Errorf("%q is not JSON: %w", line, err)
			}

			if members["msg"] == "request" && members["route"] != "/readyz" {
				found = append(found, members)
			}
		}

		if len(found) < count {
			return fmt.Errorf("%d of %d requests are logged", len(found), count)
		}

		return nil
	})

	return found
}
