package config

import (
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/clockmirror/clockmirror/src/greeting"
)

// Greeting says whom this deployment greets, and how.
type Greeting struct {
	// Customer is whom this deployment is for; without one there is no greeting.
	Customer string `env:"CUSTOMER_NAME" validate:"omitempty,customer" allowed:"the name of a customer in GREETINGS: {customers}"`
	// Table has the greeting of each customer.
	Table greeting.Table `env:"GREETINGS" envDefault:"{\"A\":\"Hi!\",\"B\":\"Dear Sir or Madam!\",\"C\":\"Moin!\"}" allowed:"a JSON object of names and greetings, none of them empty, such as {\"A\":\"Hi!\"}"`
}

// Text returns the customer's greeting, or nothing.
func (g Greeting) Text() string { return g.Table[g.Customer] }

func (g Greeting) rules() map[string]validator.Func {
	return map[string]validator.Func{"customer": g.knows}
}

func (g Greeting) words() []string {
	return []string{"{customers}", strings.Join(g.Table.Customers(), ", ")}
}

// knows is a rule for names of customers.
func (g Greeting) knows(field validator.FieldLevel) bool {
	_, known := g.Table[field.Field().String()]

	return known || g.Table == nil // a table that can't be read is reported instead
}
