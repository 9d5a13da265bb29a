package greeting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/greeting"
)

func TestTable(t *testing.T) {
	t.Parallel()

	var table greeting.Table
	require.NoError(t, table.UnmarshalText([]byte(`{"C":"Moin!","A":"Hi!","B":"Dear Sir or Madam!"}`)))
	assert.Equal(t, greeting.Table{"A": "Hi!", "B": "Dear Sir or Madam!", "C": "Moin!"}, table)
	assert.Equal(t, []string{"A", "B", "C"}, table.Customers())
}

func TestWrongTables(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"", "A", "null", "{}", "[]", `{"A":1}`, `{"A":null}`, `{"":"Hi!"}`, `{"A":""}`, `{"A":"Hi!"`, `{"A":"Hi!"} {}`,
	} {
		var table greeting.Table
		require.Error(t, table.UnmarshalText([]byte(text)), text)
		assert.Nil(t, table)
	}
}
