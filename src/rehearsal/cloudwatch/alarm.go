// Package cloudwatch decides which state an alarm of Amazon CloudWatch is in, given the points of its metrics.
package cloudwatch

import (
	"fmt"
)

// State of an alarm.
type State string

// The states of an alarm. Each begins with insufficient data.
const (
	InsufficientData State = "INSUFFICIENT_DATA"
	OK               State = "OK"
	InAlarm          State = "ALARM"
)

// Alarm is what decides of an alarm's state.
type Alarm struct {
	Name string
	// Expression is over the ids of Metrics; with one metric and no expression, it is that metric.
	Expression string
	Metrics    map[string]Metric
	Comparison string
	Threshold  float64
	Evaluation int    // N: how many periods are looked at
	Datapoints int    // M: how many of them have to be over the threshold
	Missing    string // how a missing point counts: missing, ignore, breaching, notBreaching
	PeriodMins int    // length of a period in minutes
}

// Metric names a metric and how its samples within a period become one point.
type Metric struct {
	Name string
	Stat string
}

// String is the metric as series are named: RequestCount Sum.
func (m Metric) String() string { return m.Name + " " + m.Stat }

// moreThanEvaluated is how many periods CloudWatch retrieves beyond those that it evaluates, so that late or missing points matter
// less. AWS documents an example with two.
const moreThanEvaluated = 2

// Run returns the alarm's state after each minute of the series, which are named after the alarm's metrics. A metric without a series
// has no point at all.
func (a Alarm) Run(minutes int, series map[string]Series) ([]State, error) {
	metrics := map[string]Series{}
	for id, metric := range a.Metrics {
		metrics[id] = group(series[metric.String()], metric.Stat, minutes, a.PeriodMins)
	}

	state, states := InsufficientData, make([]State, minutes)

	for minute := range minutes {
		periods := (minute + 1) / a.PeriodMins
		begin := max(0, periods-a.Evaluation-moreThanEvaluated)

		retrieved := map[string]Series{}
		for id, points := range metrics {
			retrieved[id] = points[begin:periods]
		}

		points, err := a.value(retrieved, periods-begin)
		if err != nil {
			return nil, fmt.Errorf("alarm %s: %w", a.Name, err)
		}

		state = a.next(state, points)
		states[minute] = state
	}

	return states, nil
}

func (a Alarm) value(metrics map[string]Series, length int) (Series, error) {
	if a.Expression != "" {
		return Evaluate(a.Expression, metrics, length)
	}

	for _, only := range metrics {
		return only, nil
	}

	return make(Series, length), nil
}

// next is the state after these points: of those that are there, the latest N decide. Are they fewer, missing ones count as the
// alarm says.
func (a Alarm) next(state State, points Series) State {
	over, found := 0, 0

	for i := len(points) - 1; i >= 0 && found < a.Evaluation; i-- {
		if points[i].Known {
			found++

			if a.breaches(points[i].Value) {
				over++
			}
		}
	}

	lacking := a.Evaluation - found

	switch {
	case over >= a.Datapoints && (lacking == 0 || a.Missing != "ignore"):
		return InAlarm
	case lacking == a.Evaluation && a.Missing == "missing":
		return InsufficientData
	case lacking > 0 && a.Missing == "breaching" && over+lacking >= a.Datapoints:
		return InAlarm
	case lacking > 0 && a.Missing == "ignore" && over+lacking >= a.Datapoints:
		return state
	case lacking > 0 && a.Missing == "missing" && over > 0 && over == found:
		return InAlarm // documented: nothing but breaching points, however few
	}

	return OK
}

func (a Alarm) breaches(value float64) bool {
	switch a.Comparison {
	case "GreaterThanThreshold":
		return value > a.Threshold
	case "GreaterThanOrEqualToThreshold":
		return value >= a.Threshold
	case "LessThanThreshold":
		return value < a.Threshold
	default:
		return value <= a.Threshold
	}
}

// group makes points of a period out of points of a minute.
func group(minutely Series, stat string, minutes, size int) Series {
	periods := make(Series, minutes/size)

	for i, point := range minutely {
		period := i / size
		if !point.Known || period >= len(periods) {
			continue
		}

		switch before := periods[period]; {
		case !before.Known:
			periods[period] = point
		case stat == "Sum":
			periods[period] = Known(before.Value + point.Value)
		default:
			periods[period] = Known(max(before.Value, point.Value))
		}
	}

	return periods
}
