package rehearsal

import (
	"cmp"
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
	"github.com/clockmirror/clockmirror/src/rehearsal/load"
	"github.com/clockmirror/clockmirror/src/rehearsal/report"
)

// marks are what happened to tasks, each once.
type marks struct {
	mutex sync.Mutex
	all   []report.Mark
}

func (m *marks) add(task, what string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()

	if !slices.ContainsFunc(m.all, func(mark report.Mark) bool { return mark.Task == task && mark.What == what }) {
		m.all = append(m.all, report.Mark{At: time.Now(), Task: task, What: what})
	}
}

// list is a copy.
func (m *marks) list() []report.Mark {
	m.mutex.Lock()
	defer m.mutex.Unlock()

	return slices.Clone(m.all)
}

// Report writes what an execution did to .build/rehearsal/report.html, and returns that path. It comes before Stop.
func (e *Environment) Report(ctx context.Context, execution *codepipeline.Execution) (string, error) {
	subject, err := e.commits.run(ctx, "log", "-1", "--format=%s", execution.Commit)
	if err != nil {
		return "", err
	}

	run := &report.Run{
		Commit: cut(execution.Commit, shortName), Subject: subject, Began: e.began, Ended: time.Now(),
		Seconds: merged(e.seconds), Marks: e.marks.list(),
	}

	for of := execution; of != nil; of = of.RolledBack {
		for _, result := range of.Results {
			run.Actions = append(run.Actions, reported(result, of != execution))
		}
	}

	if run.Roles, err = roles(filepath.Join(e.logs, "emulator.log")); err != nil {
		return "", err
	}

	if run.Suites, err = e.suites(); err != nil {
		return "", err
	}

	if result := execution.Result("UnitTest"); result != nil {
		run.Coverage = coverage.FindString(result.Detail)
	}

	folder := filepath.Join(e.options.Root, ".build", "rehearsal")

	return filepath.Join(folder, "report.html"), run.Write(folder)
}

// coverage is how the detail of an action tells it.
var coverage = regexp.MustCompile(`\d+ %`)

// planned is what Terraform prints of a plan.
var planned = regexp.MustCompile(`(?ms)^(?:Terraform will perform the following actions:$.*?^Plan: [^\n]+|No changes\.[^\n]*)$`)

// reported is an action as the report shows it. Back is whether its stage went back.
func reported(result codepipeline.Result, back bool) report.Action {
	action := report.Action{
		Stage: result.Stage, Name: result.Action, Detail: result.Detail, Began: result.Began, Took: result.Took, Red: result.Err != nil,
	}

	switch {
	case back:
		action.Note = "(back)"
	case result.Attempt > 1:
		action.Note = "(again)"
	}

	content, _ := os.ReadFile(result.Log) // without a log, there is none to show
	text := plain(string(content))
	action.Plan = planned.FindString(text)

	if action.Red {
		action.Tail = tail(text)
	}

	return action
}

// merged puts the two parts of a second together that was summed up in its middle.
func merged(seconds []load.Second) []load.Second {
	var all []load.Second

	for _, second := range seconds {
		if last := len(all) - 1; last >= 0 && all[last].At.Equal(second.At) {
			all[last].Requests += second.Requests
			all[last].Failed += second.Failed
			all[last].P99Millis = max(all[last].P99Millis, second.P99Millis)

			continue
		}

		all = append(all, second)
	}

	return all
}

// roles reads what each role called, and what it was denied, in the emulator's log.
func roles(log string) ([]report.Role, error) {
	content, err := os.ReadFile(log)
	if err != nil {
		return nil, fmt.Errorf("read the emulator's log: %w", err)
	}

	calls, denied := map[string]map[string]int{}, map[string][]string{}

	for line := range strings.Lines(string(content)) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		arn, what, found := strings.Cut(rest, ": ")
		name := caller(arn)

		switch {
		case !found || kind != "called" && kind != "denied":
		case kind == "denied":
			denied[name] = append(denied[name], what)
		default:
			if calls[name] == nil {
				calls[name] = map[string]int{}
			}

			calls[name][what]++
		}
	}

	names := slices.Collect(maps.Keys(calls))
	names = slices.AppendSeq(names, maps.Keys(denied))
	slices.Sort(names)

	all := make([]report.Role, 0, len(names))

	for _, name := range slices.Compact(names) {
		role := report.Role{Name: name, Denied: denied[name]}

		for action, count := range calls[name] {
			role.Calls = append(role.Calls, report.Call{Action: action, Count: count})
		}

		slices.SortFunc(role.Calls, func(a, b report.Call) int { return cmp.Compare(a.Action, b.Action) })
		all = append(all, role)
	}

	return all, nil
}

// caller is the name of a role or a user in an ARN such as arn:aws:sts::123456789012:assumed-role/cicd-test-build/rehearsal.
func caller(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) > 1 {
		return parts[1]
	}

	return arn
}

// suites are the reports of tests that builds have left.
func (e *Environment) suites() ([]report.Suite, error) {
	files, err := filepath.Glob(filepath.Join(e.logs, "*", "*.xml"))
	if err != nil {
		return nil, fmt.Errorf("find reports: %w", err)
	}

	var all []report.Suite

	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a report: %w", err)
		}

		var document struct {
			XMLName  xml.Name
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Suites   []struct {
				Skipped int `xml:"skipped,attr"`
			} `xml:"testsuite"`
		}

		if err = xml.Unmarshal(content, &document); err != nil {
			return nil, fmt.Errorf("read the report %s: %w", file, err)
		}

		if document.XMLName.Local != "testsuites" {
			continue // of coverage
		}

		suite := report.Suite{Name: filepath.Base(filepath.Dir(file)), Tests: document.Tests, Failures: document.Failures}
		for _, part := range document.Suites {
			suite.Skipped += part.Skipped
		}

		all = append(all, suite)
	}

	return all, nil
}
