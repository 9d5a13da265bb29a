// Package readme_test runs every command of README.md as it stands there, and follows every link of every document.
package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

// command is a command of the README, with the output that the README shows, if any.
type command struct{ text, answer string }

// runners run the commands of a section's blocks, in their order.
//
//nolint:gochecknoglobals // a table
var runners = map[string]func(*testing.T, []command){
	"Run it, test it": testRun,
	"Make it yours":   testElsewhere, // of `make new`
	"Call it":         testCall,
	"Deploy it":       testDeploy,
	"Rehearse it":     testElsewhere,
}

func TestCommands(t *testing.T) {
	t.Parallel()

	blocks, inline := read(t)
	require.NotEmpty(t, blocks)
	require.NotEmpty(t, inline)

	var inBlocks []command

	for section, commands := range blocks {
		runner, known := runners[section]
		require.True(t, known, "no test runs the commands of the section %q: %v", section, commands)

		t.Run(section, func(t *testing.T) {
			t.Parallel()
			runner(t, commands)
		})

		inBlocks = append(inBlocks, commands...)
	}

	// Commands in sentences and tables that are in no block.
	inline = slices.DeleteFunc(inline, func(named command) bool {
		return slices.ContainsFunc(inBlocks, func(typed command) bool { return strings.HasPrefix(typed.text, named.text) })
	})

	slices.SortFunc(inline, func(a, b command) int { return strings.Compare(a.text, b.text) })
	inline = slices.Compact(inline)

	t.Run("in sentences and tables", func(t *testing.T) {
		t.Parallel()
		testElsewhere(t, inline)
	})
}

// read returns the commands of the README's blocks, by section, and those that stand in its sentences and tables.
func read(t *testing.T) (blocks map[string][]command, inline []command) {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(testkit.Root(t), "README.md"))
	require.NoError(t, err)

	var section, language string

	named := regexp.MustCompile("`((?:make|go test) [^`]+)`")
	fence := regexp.MustCompile("^ *```(\\w*)$")
	blocks, inBlock := map[string][]command{}, false

	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")

		if mark := fence.FindStringSubmatch(line); mark != nil {
			inBlock, language = !inBlock, mark[1]

			if inBlock {
				require.Contains(t, []string{"sh", "console", "mermaid", ""}, language, "a block in a language that this test does not read")
			}

			continue
		}

		switch {
		case !inBlock && strings.HasPrefix(line, "## "):
			section = line[len("## "):]
		case !inBlock:
			for _, text := range named.FindAllStringSubmatch(line, -1) {
				inline = append(inline, command{text: text[1]})
			}
		case language == "sh" && strings.TrimSpace(line) != "":
			require.NotRegexp(t, `\\$|<<`, line, "a command is one line, so that it is clear what is run")
			blocks[section] = append(blocks[section], command{text: strings.TrimSpace(line)})
		case language == "console" && strings.HasPrefix(line, "$ "):
			blocks[section] = append(blocks[section], command{text: line[len("$ "):]})
		case language == "console":
			last := &blocks[section][len(blocks[section])-1]
			last.answer += line + "\n"
		}
	}

	require.False(t, inBlock, "a block does not end")

	return blocks, inline
}

// Each link leads to an existing file, and to an existing heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()

	root := testkit.Root(t)

	documents := testkit.Files(t, "*.md")
	require.Contains(t, documents, "README.md")

	link := regexp.MustCompile(`(?:\]\(|src=")([^)"#]*)(?:#([^)"]*))?[)"]`)

	for _, document := range documents {
		content, err := os.ReadFile(filepath.Join(root, document))
		require.NoError(t, err)

		for _, parts := range link.FindAllStringSubmatch(string(content), -1) {
			target, heading := parts[1], parts[2]
			if strings.Contains(target, "://") {
				continue
			}

			path := filepath.Join(root, document)
			if target != "" {
				path = filepath.Join(filepath.Dir(path), target)
			}

			_, err := os.Stat(path)
			require.NoError(t, err, "%s links to %s", document, target)

			if heading != "" {
				assert.Contains(t, anchors(t, path), heading, "%s links to %s", document, parts[0])
			}
		}
	}
}

// anchors are the anchors that GitHub derives from a document's headings.
func anchors(t *testing.T, path string) []string {
	t.Helper()

	content, err := os.ReadFile(path)
	require.NoError(t, err)

	var found []string

	dropped := regexp.MustCompile(`[^a-z0-9 -]`)

	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(content), -1) {
		found = append(found, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(heading[1]), ""), " ", "-"))
	}

	return found
}
