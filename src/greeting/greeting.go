// Package greeting has a greeting for each customer. Greetings are configuration, so a new customer needs no build.
package greeting

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Table has the greeting of each customer, by the customer's name.
type Table map[string]string

// UnmarshalText reads a JSON object such as {"A":"Hi!"}: at least one customer, no name and no greeting empty.
func (t *Table) UnmarshalText(text []byte) error {
	var table map[string]string
	if err := json.Unmarshal(text, &table); err != nil {
		return fmt.Errorf("read the greetings: %w", err)
	}

	if len(table) == 0 {
		return errors.New("there is no greeting")
	}

	for customer, words := range table {
		if customer == "" || words == "" {
			return fmt.Errorf("customer %q has the greeting %q; neither may be empty", customer, words)
		}
	}

	*t = table

	return nil
}

// Customers returns the names of all customers, in order.
func (t Table) Customers() []string { return slices.Sorted(maps.Keys(t)) }
