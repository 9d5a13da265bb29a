package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Both charts are as wide as this, in units of the picture, with room for names at the left.
const (
	width     = 760
	left      = 164
	right     = 84
	rowHeight = 24
	plot      = width - left - right
)

// gantt is a chart of when each action ran.
type gantt struct {
	Width, Height int
	Ticks         []tick
	Rows          []row
}

type tick struct {
	X     float64
	Label string
}

type row struct {
	Y, Middle, Text int
	X, Wide, After  float64
	Label, Took     string
	Red             bool
}

// gantt leaves out the time before the first action, in which the account is set up.
func (r *Run) gantt() gantt {
	chart := gantt{Width: width, Height: 2 * rowHeight}
	if len(r.Actions) == 0 {
		return chart
	}

	began, ended := r.Actions[0].Began, r.Actions[0].Began
	for _, action := range r.Actions {
		if end := action.Began.Add(action.Took); end.After(ended) {
			ended = end
		}
	}

	scale := float64(plot) / math.Max(ended.Sub(began).Seconds(), 1)

	for number, action := range r.Actions {
		top := rowHeight * number
		start, long := action.Began.Sub(began).Seconds()*scale, math.Max(action.Took.Seconds()*scale, 2)

		chart.Rows = append(chart.Rows, row{
			Y: top + 4, Middle: top + rowHeight/2, Text: top + rowHeight/2 + 4,
			X: left + start, Wide: long, After: left + start + long + 6,
			Label: action.Title(), Took: fmt.Sprintf("%.1f s", action.Took.Seconds()), Red: action.Red,
		})
	}

	chart.Height = rowHeight*len(chart.Rows) + rowHeight
	chart.Ticks = ticks(ended.Sub(began), scale)

	return chart
}

// ticks are about six round times.
func ticks(long time.Duration, scale float64) []tick {
	step := time.Second

	for _, candidate := range []int{2, 5, 10, 20, 30, 60, 120, 300, 600, 1800} {
		if long/step > 6 {
			step = time.Duration(candidate) * time.Second
		}
	}

	var found []tick

	for at := time.Duration(0); at <= long; at += step {
		found = append(found, tick{X: left + at.Seconds()*scale, Label: fmt.Sprintf("%.0f s", at.Seconds())})
	}

	return found
}

// rollout is a chart of the requests during a deployment, over the marks of its tasks.
type rollout struct {
	Width, Height                     int
	Ticks                             []tick
	Requests, Latency                 string
	Failed                            []tick
	Tasks                             []taskRow
	MostRequests, MostLatency         string
	RequestsTop, LatencyTop, TasksTop int
	Bottom                            int
}

type taskRow struct {
	Y, Text int
	Name    string
	Spans   []span
}

// span is a part of a task's life: starting, running or draining.
type span struct {
	X, Wide float64
	What    string
}

const (
	paneHeight = 90
	paneGap    = 34
)

func (r *Run) rollout() rollout {
	chart := rollout{Width: width}
	if len(r.Seconds) == 0 {
		return chart
	}

	began, ended := r.Seconds[0].At, r.Seconds[len(r.Seconds)-1].At
	scale := float64(plot) / math.Max(ended.Sub(began).Seconds(), 1)
	at := func(when time.Time) float64 {
		return left + math.Min(math.Max(when.Sub(began).Seconds(), 0), ended.Sub(began).Seconds())*scale
	}

	requests, latency := 1.0, 1.0
	for _, second := range r.Seconds {
		requests, latency = math.Max(requests, float64(second.Requests)), math.Max(latency, second.P99Millis)
	}

	chart.RequestsTop, chart.LatencyTop, chart.TasksTop = paneGap/2, paneHeight+paneGap+paneGap/2, 2*(paneHeight+paneGap)+paneGap/2

	var counts, times []string

	for _, second := range r.Seconds {
		x := at(second.At)
		counts = append(counts, fmt.Sprintf("%.1f,%.1f", x, float64(chart.RequestsTop)+paneHeight*(1-float64(second.Requests)/requests)))
		times = append(times, fmt.Sprintf("%.1f,%.1f", x, float64(chart.LatencyTop)+paneHeight*(1-second.P99Millis/latency)))

		if second.Failed > 0 {
			chart.Failed = append(chart.Failed, tick{X: x, Label: fmt.Sprintf("%d failed", second.Failed)})
		}
	}

	chart.Requests, chart.Latency = strings.Join(counts, " "), strings.Join(times, " ")
	chart.MostRequests, chart.MostLatency = fmt.Sprintf("%.0f", requests), fmt.Sprintf("%.0f ms", latency)
	chart.Tasks = r.tasks(chart.TasksTop, began, ended, at)
	chart.Bottom = chart.TasksTop + rowHeight*len(chart.Tasks)
	chart.Height = chart.Bottom + rowHeight
	chart.Ticks = ticks(ended.Sub(began), scale)

	return chart
}

// tasks are the lives of those that lived at that time.
func (r *Run) tasks(top int, began, ended time.Time, at func(time.Time) float64) []taskRow {
	var names []string

	marks := map[string][]Mark{}

	for _, mark := range r.Marks {
		if marks[mark.Task] == nil {
			names = append(names, mark.Task)
		}

		marks[mark.Task] = append(marks[mark.Task], mark)
	}

	names = slices.DeleteFunc(names, func(name string) bool {
		last := marks[name][len(marks[name])-1]

		return marks[name][0].At.After(ended) || last.What == "stopped" && last.At.Before(began)
	})

	rows := make([]taskRow, 0, len(names))

	for number, name := range names {
		line := taskRow{Y: top + rowHeight*number + 4, Text: top + rowHeight*number + rowHeight/2 + 4, Name: name}

		for i, mark := range marks[name] {
			end := ended
			if i+1 < len(marks[name]) {
				end = marks[name][i+1].At
			}

			if wide := at(end) - at(mark.At); mark.What != "stopped" && wide > 0 {
				line.Spans = append(line.Spans, span{X: at(mark.At), Wide: wide, What: mark.What})
			}
		}

		rows = append(rows, line)
	}

	return rows
}
