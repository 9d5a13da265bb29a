package pipeline_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// What an image is made of is looked at: licences that are not on the list, known vulnerabilities, and exceptions that have ended.
func TestCheckSBOM(t *testing.T) {
	testkit.Program(t, "install jq", "jq")

	t.Parallel()

	database := startOSV(t)

	const (
		good     = `{"name":"example.com/good","version":"v1.0.0","purl":"pkg:golang/x@v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}}]}}`
		viral    = `{"name":"example.com/viral","version":"v1.0.0","purl":"pkg:golang/x@v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}},{"license":{"id":"AGPL-3.0"}}]}}`
		unnamed  = `{"name":"example.com/unnamed","version":"v1.0.0","purl":"pkg:golang/x@v1.0.0"}`
		hole     = `{"name":"example.com/hole","version":"v1.0.0","purl":"pkg:golang/x@v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}}]}}`
		old      = `{"name":"std","version":"go1.20.0","purl":"pkg:golang/std@1.20.0"}`
		python   = `{"name":"gap","version":"2.0","purl":"pkg:pypi/gap@2.0"}`
		debian   = `{"name":"hole","version":"1.0.0","purl":"pkg:deb/debian/hole@1.0.0"}`
		standard = `{"name":"std","version":"go1.26.8","purl":"pkg:golang/std@1.26.8"}`
	)

	for name, test := range map[string]struct {
		components, exceptions, database, required string
		want                                       string
		green, toolbox                             bool
	}{
		"nothing to say":                         {components: good + "," + standard, want: "2 components: licences on the list", green: true},
		"a licence that is not on the list":      {components: viral, want: "example.com/viral has the licence MIT, AGPL-3.0, which is not on the list"},
		"a module without a licence":             {components: unnamed, want: "example.com/unnamed has the licence none"},
		"a known vulnerability":                  {components: good + "," + hole, want: "example.com/hole 1.0.0 has the vulnerability GO-2026-0001"},
		"a known vulnerability of Go's library":  {components: old, want: "stdlib 1.20.0 has the vulnerability GO-2026-0001"},
		"an exception that holds":                {components: hole, exceptions: `{"id":"GO-2026-0001","reason":"not called","until":"2999-01-01"}`, want: "1 components", green: true},
		"an exception that ended":                {components: hole, exceptions: `{"id":"GO-2026-0001","reason":"not called","until":"2020-01-01"}`, want: "the exception of GO-2026-0001 ended on 2020-01-01"},
		"an exception of another vulnerability":  {components: hole, exceptions: `{"id":"GO-2026-0002","reason":"x","until":"2999-01-01"}`, want: "has the vulnerability GO-2026-0001"},
		"a toolbox with what is not critical":    {toolbox: true, components: hole + "," + debian, want: "example.com/hole 1.0.0 has the vulnerability GHSA-aaaa-bbbb-cccc, moderate\nknown-vulnerabilities: 1 packages: no known vulnerability that is critical and not excepted", green: true},
		"a toolbox with what is critical":        {toolbox: true, components: hole + "," + python, want: "gap 2.0 has the vulnerability GHSA-dddd-eeee-ffff: take a version without it"},
		"a toolbox of many packages":             {toolbox: true, components: strings.Repeat(good+",", 1000) + python, want: "gap 2.0 has the vulnerability GHSA-dddd-eeee-ffff: take a version without it"},
		"a toolbox with an exception":            {toolbox: true, components: python, exceptions: `{"id":"GHSA-dddd-eeee-ffff","reason":"not reached","until":"2999-01-01"}`, want: "1 packages", green: true},
		"no database, where none is required":    {components: good, database: "http://127.0.0.1:1", want: "NOT CHECKED", green: true},
		"no database, where one is required":     {components: good, database: "http://127.0.0.1:1", required: "true", want: "is out of reach"},
		"no database does not forgive a licence": {components: viral, database: "http://127.0.0.1:1", want: "AGPL-3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if test.database == "" {
				test.database = database
			}

			folder := t.TempDir()
			sbom, exceptions := filepath.Join(folder, "sbom.json"), filepath.Join(folder, "exceptions.json")
			require.NoError(t, os.WriteFile(sbom, []byte(`{"components":[`+test.components+`]}`), 0o600))
			require.NoError(t, os.WriteFile(exceptions, []byte(`[`+test.exceptions+`]`), 0o600))

			command := []string{".tools/check-sbom", sbom, test.required}
			if test.toolbox {
				command = []string{".tools/known-vulnerabilities", sbom, test.required, "critical"}
			}

			said, complaint, err := runIn(t, testkit.Root(t), []string{"OSV=" + test.database, "EXCEPTIONS=" + exceptions}, command[0], command[1:]...)
			assert.Equal(t, test.green, err == nil, complaint)
			assert.Contains(t, said+complaint, test.want)
		})
	}
}

// startOSV starts a database of vulnerabilities that answers as OSV does, and returns its address. It knows of one in two modules, and of a
// critical one in a Python package.
func startOSV(t *testing.T) string {
	t.Helper()

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

		if id, found := strings.CutPrefix(r.URL.Path, "/v1/vulns/"); found {
			severity := map[string]string{"GHSA-aaaa-bbbb-cccc": "MODERATE", "GHSA-dddd-eeee-ffff": "CRITICAL"}[id]
			_, err := fmt.Fprintf(w, `{"id":%q,"database_specific":{"severity":%q}}`, id, severity)
			assert.NoError(t, err)

			return
		}

		assert.Equal(t, "/v1/querybatch", r.URL.Path)
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&asked))

		assert.LessOrEqual(t, len(asked.Queries), 1000, "OSV's limit")

		results := make([]result, len(asked.Queries))

		for i, query := range asked.Queries {
			switch query.Package.Ecosystem + " " + query.Package.Name + " " + query.Version {
			case "Go example.com/hole 1.0.0", "Go stdlib 1.20.0":
				results[i].Vulns = []vulnerability{{"GHSA-aaaa-bbbb-cccc"}, {"GO-2026-0001"}}
			case "PyPI gap 2.0":
				results[i].Vulns = []vulnerability{{"GHSA-dddd-eeee-ffff"}, {"PYSEC-2026-1"}}
			}
		}

		assert.NoError(t, json.NewEncoder(w).Encode(map[string]any{"results": results}))
	}))
	t.Cleanup(server.Close)

	return server.URL
}
