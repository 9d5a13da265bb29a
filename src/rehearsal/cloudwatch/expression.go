package cloudwatch

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Point is what a metric has for one period; missing where nothing was reported.
type Point struct {
	Value float64
	Known bool
}

// Known is a reported point.
func Known(value float64) Point { return Point{Value: value, Known: true} }

// Series is one point per period, the oldest first.
type Series []Point

var errExpression = errors.New("metric math")

// Evaluate computes a metric math expression over series of the same length, by their ids. What it knows of metric math: numbers,
// arithmetic, comparisons, && and ||, IF and FILL. A point is missing where an operand is, and where it would be divided by zero.
func Evaluate(expression string, series map[string]Series, length int) (Series, error) {
	parser := &parser{tokens: token.FindAllString(expression, -1), series: series, length: length}

	result, err := parser.binary(0)
	if err == nil && len(parser.tokens) > 0 {
		err = fmt.Errorf("%w: %q is left over", errExpression, parser.tokens[0])
	}

	if err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", expression, err)
	}

	return result, nil
}

var token = regexp.MustCompile(`\d+(?:\.\d+)?|\w+|&&|\|\||[<>=!]=|\S`)

// levels are the binary operators, those that bind least first.
func levels() [][]string {
	return [][]string{{"||"}, {"&&"}, {"<", ">", "<=", ">=", "==", "!="}, {"+", "-"}, {"*", "/"}}
}

type parser struct {
	tokens []string
	series map[string]Series
	length int
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}

	first := p.tokens[0]
	p.tokens = p.tokens[1:]

	return first
}

func (p *parser) peek(one ...string) bool {
	for _, each := range one {
		if len(p.tokens) > 0 && p.tokens[0] == each {
			return true
		}
	}

	return false
}

func (p *parser) expect(want string) error {
	if found := p.next(); found != want {
		return fmt.Errorf("%w: %q in place of %q", errExpression, found, want)
	}

	return nil
}

func (p *parser) binary(level int) (Series, error) {
	operators := levels()
	if level == len(operators) {
		return p.operand()
	}

	left, err := p.binary(level + 1)
	for err == nil && p.peek(operators[level]...) {
		operator := p.next()

		var right Series
		if right, err = p.binary(level + 1); err == nil {
			left = combine(operator, left, right)
		}
	}

	return left, err
}

func (p *parser) operand() (Series, error) {
	name := p.next()

	switch name {
	case "(":
		inner, err := p.binary(0)
		if err != nil {
			return nil, err
		}

		return inner, p.expect(")")
	case "IF":
		return p.choose()
	case "FILL":
		return p.fill()
	}

	if number, err := strconv.ParseFloat(name, 64); err == nil {
		return constant(number, p.length), nil
	}

	if found, known := p.series[name]; known {
		return found, nil
	}

	return nil, fmt.Errorf("%w: %q is no metric, number or known function", errExpression, name)
}

// choose is IF(condition, then, else).
func (p *parser) choose() (Series, error) {
	var arguments [3]Series

	for i, before := range []string{"(", ",", ","} {
		if err := p.expect(before); err != nil {
			return nil, err
		}

		argument, err := p.binary(0)
		if err != nil {
			return nil, err
		}

		arguments[i] = argument
	}

	result := make(Series, p.length)

	for i, condition := range arguments[0] {
		switch {
		case condition.Known && condition.Value != 0:
			result[i] = arguments[1][i]
		case condition.Known:
			result[i] = arguments[2][i]
		}
	}

	return result, p.expect(")")
}

// fill is FILL(series, number) or FILL(series, REPEAT). There is nothing to repeat before the first point.
func (p *parser) fill() (Series, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}

	series, err := p.binary(0)
	if err != nil {
		return nil, err
	}

	if err := p.expect(","); err != nil {
		return nil, err
	}

	with := p.next()
	number, err := strconv.ParseFloat(with, 64)

	if err != nil && with != "REPEAT" {
		return nil, fmt.Errorf("%w: FILL with %q", errExpression, with)
	}

	last, result := Point{}, make(Series, p.length)
	if with != "REPEAT" {
		last = Known(number)
	}

	for i, point := range series {
		if point.Known && with == "REPEAT" {
			last = point
		}

		result[i] = last
		if point.Known {
			result[i] = point
		}
	}

	return result, p.expect(")")
}

func constant(value float64, length int) Series {
	series := make(Series, length)
	for i := range series {
		series[i] = Known(value)
	}

	return series
}

func combine(operator string, left, right Series) Series {
	result := make(Series, len(left))

	for i, a := range left {
		b := right[i]
		if !a.Known || !b.Known {
			continue
		}

		if value := calculate(operator, a.Value, b.Value); !math.IsNaN(value) && !math.IsInf(value, 0) {
			result[i] = Known(value)
		}
	}

	return result
}

func calculate(operator string, left, right float64) float64 {
	switch operator {
	case "+":
		return left + right
	case "-":
		return left - right
	case "*":
		return left * right
	case "/":
		return left / right
	case "&&":
		return truth(left != 0 && right != 0)
	case "||":
		return truth(left != 0 || right != 0)
	case "==":
		return truth(left == right)
	case "!=":
		return truth(left != right)
	}

	return truth(strings.HasPrefix(operator, "<") && left < right || strings.HasPrefix(operator, ">") && left > right ||
		strings.HasSuffix(operator, "=") && left == right)
}

func truth(holds bool) float64 {
	if holds {
		return 1
	}

	return 0
}
