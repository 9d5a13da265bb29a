package pipeline_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What an image is made of is looked at: licences that are not on the list, known vulnerabilities, and exceptions that have ended.
func TestCheckSBOM(t *testing.T) {
	testkit.Program(t, "install jq", "jq")

	t.Parallel()

	// The database knows of one vulnerability, in one version of one module, as OSV answers.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Queries []struct {
				Package struct{ Ecosystem, Name string }
				Version string
			}
		}

		type vulnerability struct {
			ID string `json:"id"`
		}

		type result struct {
			Vulns []vulnerability `json:"vulns,omitempty"`
		}

		assert.Equal(t, "/v1/querybatch", r.URL.Path)
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&asked))

		results := make([]result, len(asked.Queries))

		for i, query := range asked.Queries {
			assert.Equal(t, "Go", query.Package.Ecosystem)

			if query.Package.Name == "example.com/hole" && query.Version == "1.0.0" || query.Package.Name == "stdlib" && query.Version == "1.20.0" {
				results[i].Vulns = []vulnerability{{"GHSA-aaaa-bbbb-cccc"}, {"GO-2026-0001"}}
			}
		}

		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"results": results}))
	}))
	t.Cleanup(server.Close)

	const (
		good     = `{"name":"example.com/good","version":"v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}}]}}`
		viral    = `{"name":"example.com/viral","version":"v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}},{"license":{"id":"AGPL-3.0"}}]}}`
		unnamed  = `{"name":"example.com/unnamed","version":"v1.0.0"}`
		hole     = `{"name":"example.com/hole","version":"v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}}]}}`
		old      = `{"name":"std","version":"go1.20.0"}`
		standard = `{"name":"std","version":"go1.26.8"}`
	)

	for name, test := range map[string]struct {
		components, exceptions, database, required string
		want                                       string
		green                                      bool
	}{
		"nothing to say":                         {components: good + "," + standard, want: "2 components: licences on the list", green: true},
		"a licence that is not on the list":      {components: viral, want: "example.com/viral has the licence MIT, AGPL-3.0, which is not on the list"},
		"a module without a licence":             {components: unnamed, want: "example.com/unnamed has the licence none"},
		"a known vulnerability":                  {components: good + "," + hole, want: "example.com/hole 1.0.0 has the vulnerability GO-2026-0001"},
		"a known vulnerability of Go's library":  {components: old, want: "stdlib 1.20.0 has the vulnerability GO-2026-0001"},
		"an exception that holds":                {components: hole, exceptions: `{"id":"GO-2026-0001","reason":"not called","until":"2999-01-01"}`, want: "1 components", green: true},
		"an exception that ended":                {components: hole, exceptions: `{"id":"GO-2026-0001","reason":"not called","until":"2020-01-01"}`, want: "the exception of GO-2026-0001 ended on 2020-01-01"},
		"an exception of another vulnerability":  {components: hole, exceptions: `{"id":"GO-2026-0002","reason":"x","until":"2999-01-01"}`, want: "has the vulnerability GO-2026-0001"},
		"no database, where none is required":    {components: good, database: "http://127.0.0.1:1", want: "NOT CHECKED", green: true},
		"no database, where one is required":     {components: good, database: "http://127.0.0.1:1", required: "true", want: "is out of reach"},
		"no database does not forgive a licence": {components: viral, database: "http://127.0.0.1:1", want: "AGPL-3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if test.database == "" {
				test.database = server.URL
			}

			folder := t.TempDir()
			sbom, exceptions := filepath.Join(folder, "sbom.json"), filepath.Join(folder, "exceptions.json")
			require.NoError(t, os.WriteFile(sbom, []byte(`{"components":[`+test.components+`]}`), 0o600))
			require.NoError(t, os.WriteFile(exceptions, []byte(`[`+test.exceptions+`]`), 0o600))

			said, complaint, err := runIn(t, testkit.Root(t), []string{"OSV=" + test.database, "EXCEPTIONS=" + exceptions}, ".tools/check-sbom", sbom, test.required)
			assert.Equal(t, test.green, err == nil, complaint)
			assert.Contains(t, said+complaint, test.want)
		})
	}
}
