package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/config"
	"github.com/clockmirror/clockmirror/src/greeting"
)

func TestGreeting(t *testing.T) {
	t.Parallel()

	settings, err := config.Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, config.Greeting{Table: greeting.Table{"A": "Hi!", "B": "Dear Sir or Madam!", "C": "Moin!"}}, settings.Greeting)

	settings, err = config.Parse([]string{`GREETINGS={"Z":"Ahoy, \"you\"!","D":"Gude!"}`, "CUSTOMER_NAME=Z"})
	require.NoError(t, err)
	assert.Equal(t, config.Greeting{Customer: "Z", Table: greeting.Table{"Z": `Ahoy, "you"!`, "D": "Gude!"}}, settings.Greeting)
}

func TestWrongGreetings(t *testing.T) {
	t.Parallel()

	areWrong(t, map[string][]string{
		"CUSTOMER_NAME": {"D", "a", " A"},
		"GREETINGS":     {"A=Hi!", "{}", "null", `{"A":""}`, `{"A":1}`},
	})
}

func TestACustomerWithoutGreetingLearnsWhoHasOne(t *testing.T) {
	t.Parallel()

	_, err := config.Parse([]string{"CUSTOMER_NAME=D"})
	require.EqualError(t, err, `CUSTOMER_NAME: "D" is not allowed; it must be the name of a customer in GREETINGS: A, B, C`)

	_, err = config.Parse([]string{"CUSTOMER_NAME=D", `GREETINGS={"A"}`})
	require.EqualError(t, err, `GREETINGS: "{\"A\"}" is not allowed; it must be a JSON object of names and greetings, none of them empty, such as {"A":"Hi!"}`)
}
