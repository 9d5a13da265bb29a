// Package report writes what a rehearsal did as one page: the pipeline as it ran, the rollout as its users saw it, what each role called, and
// what actions left. The page needs no other file and no network.
package report

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clockmirror/clockmirror/src/rehearsal/load"
)

//go:embed page.html.tmpl gantt.svg.tmpl rollout.svg.tmpl
var templates embed.FS

// Run is one rehearsal.
type Run struct {
	// Commit is the short name of what was rehearsed, Subject its subject.
	Commit, Subject string
	Began, Ended    time.Time
	Actions         []Action
	// Seconds are what became of the requests that were sent while the service was deployed to, second by second.
	Seconds []load.Second
	Marks   []Mark
	Roles   []Role
	// Coverage is such as "90 %"; empty when no test told it.
	Coverage string
	Suites   []Suite
}

// Action is one attempt at an action of the pipeline.
type Action struct {
	Stage, Name string
	// Note tells a further attempt, or a stage that went back, from the first.
	Note   string
	Detail string
	Began  time.Time
	Took   time.Duration
	// Tail is the end of the log of an action that failed. Plan is what Terraform planned in it.
	Tail, Plan string
	Red        bool
}

// Title is the name with the note.
func (a Action) Title() string { return strings.TrimSpace(a.Name + " " + a.Note) }

// Mark is what happened to a task, such as "started".
type Mark struct {
	At         time.Time
	Task, What string
}

// Role is a caller of AWS: how often it called what, and what it was denied.
type Role struct {
	Name   string
	Calls  []Call
	Denied []string
}

// Call is an action of IAM and how often it was called.
type Call struct {
	Action string
	Count  int
}

// Suite is a report of tests.
type Suite struct {
	Name                     string
	Tests, Failures, Skipped int
}

// Red tells whether an action failed.
func (r *Run) Red() bool {
	return slices.ContainsFunc(r.Actions, func(action Action) bool { return action.Red })
}

// Took is how long all of it took.
func (r *Run) Took() time.Duration { return r.Ended.Sub(r.Began) }

// Write writes the page report.html and the picture pipeline.svg into a folder.
func (r *Run) Write(folder string) error {
	parsed, err := template.New("").Funcs(template.FuncMap{
		"seconds": func(took time.Duration) string { return fmt.Sprintf("%.1f s", took.Seconds()) },
		"gantt":   r.gantt,
		"rollout": r.rollout,
	}).ParseFS(templates, "*.tmpl")
	if err != nil {
		return fmt.Errorf("read the templates of the report: %w", err)
	}

	for name, file := range map[string]string{"page.html.tmpl": "report.html", "gantt.svg.tmpl": "pipeline.svg"} {
		var data any = r
		if name == "gantt.svg.tmpl" {
			data = r.gantt()
		}

		out, err := os.Create(filepath.Join(folder, file))
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}

		if err = errors.Join(parsed.ExecuteTemplate(out, name, data), out.Close()); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}

	return nil
}
