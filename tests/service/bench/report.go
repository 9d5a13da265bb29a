package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints what was measured, and returns an error that names each budget that was broken.
func report(contenders []*contender, first time.Duration, idle, loaded, binary int64) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "CPU time per request\tµs\t× net/http\t× Gin\tbudget\t")

	var broken error

	budgets := []float64{0, 0, limitDevNull, limitPipe}

	for i, c := range contenders {
		netHTTP, gin := ratio(c, contenders[0]), ratio(c, contenders[1])
		budget := ""

		if budgets[i] != 0 {
			budget = fmt.Sprintf("≤ %.2f", budgets[i])

			worst := netHTTP
			if i == 2 {
				worst = max(netHTTP, gin)
			}

			if worst > budgets[i] {
				broken = errors.Join(broken, fmt.Errorf("%s: %.3f is over %.2f", c.name, worst, budgets[i]))
			}
		}

		fmt.Fprintf(table, "%s\t%.2f\t%.3f\t%.3f\t%s\t\n", c.name, float64(median(c.costs))/1e3, netHTTP, gin, budget)
	}

	fmt.Fprintf(table, "\t\t\t\t\t\nstart to first answer\t%.1f ms\t\t\t≤ %d ms\t\n", float64(first)/1e6, limitStart.Milliseconds())
	fmt.Fprintf(table, "resident memory, idle\t%.1f MiB\t\t\t≤ %d MiB\t\n", float64(idle)/(1<<20), limitIdle>>20)
	fmt.Fprintf(table, "resident memory, after load\t%.1f MiB\t\t\t\t\n", float64(loaded)/(1<<20))
	fmt.Fprintf(table, "binary\t%.1f MB\t\t\t≤ %d MB\t\n", float64(binary)/1e6, limitBinary/1_000_000)

	for _, check := range []struct {
		what string
		over bool
	}{
		{"the start", first > limitStart}, {"the idle memory", idle > limitIdle}, {"the binary", binary > limitBinary},
	} {
		if check.over {
			broken = errors.Join(broken, fmt.Errorf("%s is over its budget", check.what))
		}
	}

	return errors.Join(table.Flush(), broken)
}

// ratio returns the median of the round-by-round ratios: what slowed one round down slowed its neighbours too.
func ratio(of, to *contender) float64 {
	ratios := make([]float64, len(of.costs))
	for i := range ratios {
		ratios[i] = float64(of.costs[i]) / float64(to.costs[i])
	}

	return median(ratios)
}

func median[T time.Duration | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))

	return sorted[len(sorted)/2]
}
