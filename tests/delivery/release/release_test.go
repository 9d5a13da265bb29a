// Package release_test releases versions: to a repository on this machine, with the emulator's word on the pipeline.
package release_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/emulator"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

const changelog = "# Changelog\n\n## Unreleased\n\n- News.\n\n## 1.0.0 (2026-01-02)\n\n- The first.\n"

func TestRelease(t *testing.T) {
	t.Parallel()

	testkit.Program(t, "install jq", "jq")

	cloud := testkit.Emulator(t, "release")

	t.Run("moves the entries, and pushes commit and tag", func(t *testing.T) {
		p := newProject(t, cloud, "green")
		before := p.head(t)

		p.ran(t, "STANDARD", "Succeeded", before)

		said, err := p.release(t, "1.1.0-rc.1")
		require.NoError(t, err, said)
		assert.Contains(t, said, "release: v1.1.0-rc.1 is pushed; cicd-green builds and delivers it\n")

		moved := strings.Replace(changelog, "## Unreleased\n", "## Unreleased\n\n## 1.1.0-rc.1 ("+time.Now().UTC().Format(time.DateOnly)+")\n", 1)
		assert.Equal(t, moved, testkit.Git(t, p.origin, "show", "master:CHANGELOG.md"))
		assert.Equal(t, p.head(t), strings.TrimSpace(testkit.Git(t, p.origin, "rev-parse", "master")))
		assert.Equal(t, p.head(t), strings.TrimSpace(testkit.Git(t, p.origin, "rev-parse", "v1.1.0-rc.1")))
		assert.Equal(t, "release: 1.1.0-rc.1\n"+before+"\n", testkit.Git(t, p.tree, "log", "-1", "--format=%s%n%P"))
		assert.Equal(t, "CHANGELOG.md\n", testkit.Git(t, p.tree, "diff", "--name-only", before))
		assert.Empty(t, testkit.Git(t, p.tree, "status", "--porcelain"))

		// The final version is newer than its candidate; documentation starts no run, so it needs none.
		p.ran(t, "STANDARD", "Succeeded", p.head(t))
		p.commit(t, "README.md", "More.\n")
		p.commit(t, "CHANGELOG.md", changelog)
		p.ran(t, "STANDARD", "Succeeded", p.head(t))
		p.commit(t, "README.md", "Even more.\n")

		said, err = p.release(t, "1.1.0")
		require.NoError(t, err, said)
	})

	for name, test := range map[string]struct {
		version string
		prepare func(t *testing.T, p *project)
		never   bool // the pipeline has not run
		want    string
	}{
		"no semantic version":         {version: "1.2", want: "the version '1.2' is not semantic: 1.2.3 and 1.2.3-rc.1 are"},
		"a v":                         {version: "v1.2.3", want: "the version 'v1.2.3' is not semantic"},
		"a leading zero":              {version: "1.02.3", want: "the version '1.02.3' is not semantic"},
		"a leading zero in a suffix":  {version: "1.2.3-rc.01", want: "is not semantic"},
		"build metadata":              {version: "1.2.3+7", want: "is not semantic"},
		"no version":                  {version: "", want: "the version '' is not semantic"},
		"a version that is there":     {version: "1.0.0", want: "1.0.0 is not newer than 1.0.0"},
		"an older version":            {version: "0.9.0", want: "0.9.0 is not newer than 1.0.0"},
		"a candidate of an older one": {version: "1.0.0-rc.1", want: "1.0.0-rc.1 is not newer than 1.0.0"},
		"uncommitted changes":         {prepare: func(t *testing.T, p *project) { p.write(t, "new.txt", "x") }, want: "there are uncommitted changes"},
		"a commit that is not pushed": {prepare: func(t *testing.T, p *project) {
			testkit.Git(t, p.tree, "commit", "--quiet", "--allow-empty", "--message", "Mine")
		}, want: "the checkout is not what master of origin has"},
		"another branch": {prepare: func(t *testing.T, p *project) {
			testkit.Git(t, p.tree, "checkout", "--quiet", "-b", "other", "HEAD~")
		}, want: "the checkout is not what master of origin has"},
		"a red run":                 {prepare: func(t *testing.T, p *project) { p.ran(t, "STANDARD", "Failed", p.head(t)) }, want: "master is red: the last run of cicd-NAME, a STANDARD one, is Failed"},
		"a run that goes on":        {prepare: func(t *testing.T, p *project) { p.ran(t, "STANDARD", "InProgress", p.head(t)) }, want: "a STANDARD one, is InProgress"},
		"a roll-back":               {prepare: func(t *testing.T, p *project) { p.ran(t, "ROLLBACK", "Succeeded", p.head(t)) }, want: "a ROLLBACK one, is Succeeded"},
		"no run yet":                {prepare: func(t *testing.T, p *project) { p.commit(t, "code.go", "package code\n") }, want: ", not of what the checkout has: wait for its run"},
		"a pipeline that never ran": {version: "1.1.0", never: true, want: "has not run yet"},
		"a run of elsewhere":        {prepare: func(t *testing.T, p *project) { p.ran(t, "STANDARD", "Succeeded", strings.Repeat("1", 40)) }, want: "was of 1111111, not of what"},
		"nothing to say": {prepare: func(t *testing.T, p *project) {
			p.commit(t, "CHANGELOG.md", strings.Replace(changelog, "- News.\n\n", "", 1))
			p.ran(t, "STANDARD", "Succeeded", p.head(t))
		}, want: "CHANGELOG.md has nothing under '## Unreleased'"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()

			id := strings.ReplaceAll(name, " ", "-")
			p := newProject(t, cloud, id)

			if !test.never {
				p.ran(t, "STANDARD", "Succeeded", p.head(t))
			}

			if test.prepare != nil {
				test.prepare(t, p)
				test.version = "1.1.0"
			}

			before, there := p.head(t), testkit.Git(t, p.origin, "show-ref")

			said, err := p.release(t, test.version)
			require.Error(t, err)
			assert.Contains(t, said, "release: ")
			assert.Contains(t, said, strings.ReplaceAll(test.want, "NAME", id))
			assert.Equal(t, before, p.head(t))
			assert.Equal(t, there, testkit.Git(t, p.origin, "show-ref"), "something was pushed")
		})
	}

	t.Run("a push that is refused leaves nothing behind", func(t *testing.T) {
		t.Parallel()

		p := newProject(t, cloud, "refused")
		p.ran(t, "STANDARD", "Succeeded", p.head(t))
		require.NoError(t, os.WriteFile(filepath.Join(p.origin, "hooks", "pre-receive"), []byte("#!/bin/sh\nexit 1\n"), 0o700))

		before, tags := p.head(t), testkit.Git(t, p.tree, "tag")

		said, err := p.release(t, "1.1.0")
		require.Error(t, err, said)
		assert.Equal(t, before, p.head(t))
		assert.Equal(t, tags, testkit.Git(t, p.tree, "tag"))
		assert.Empty(t, testkit.Git(t, p.tree, "status", "--porcelain"))
	})
}

// project is a repository with a remote and a pipeline that delivers its branch master.
type project struct {
	cloud              *emulator.Emulator
	environment        []string
	name, origin, tree string
}

func newProject(t *testing.T, cloud *emulator.Emulator, name string) *project {
	t.Helper()

	p := &project{cloud: cloud, environment: testkit.Shell(t, cloud), name: name, origin: t.TempDir(), tree: t.TempDir()}

	testkit.Git(t, p.origin, "init", "--quiet", "--bare", "--initial-branch", "master")
	testkit.Git(t, p.tree, "init", "--quiet", "--initial-branch", "master")
	testkit.Git(t, p.tree, "remote", "add", "origin", p.origin)

	script, err := os.ReadFile(filepath.Join(testkit.Root(t), ".tools", "release"))
	require.NoError(t, err)

	require.NoError(t, os.MkdirAll(filepath.Join(p.tree, ".tools"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(p.tree, ".tools", "release"), script, 0o700))
	p.commit(t, "CHANGELOG.md", changelog)
	p.commit(t, "README.md", "Read me.\n")
	testkit.Git(t, p.tree, "tag", "v1.0.0")
	testkit.Git(t, p.tree, "push", "--quiet", "origin", "v1.0.0")

	testkit.Pipeline(t, p.environment, "cicd-"+name)

	return p
}

func (p *project) head(t *testing.T) string {
	t.Helper()

	return strings.TrimSpace(testkit.Git(t, p.tree, "rev-parse", "HEAD"))
}

func (p *project) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.tree, name), []byte(text), 0o600))
}

// commit commits a file, and pushes it.
func (p *project) commit(t *testing.T, name, text string) {
	t.Helper()
	p.write(t, name, text)
	testkit.Git(t, p.tree, "add", "--all")
	testkit.Git(t, p.tree, "commit", "--quiet", "--message", "Change "+name)
	testkit.Git(t, p.tree, "push", "--quiet", "origin", "HEAD:master")
}

// ran has the pipeline run for a commit.
func (p *project) ran(t *testing.T, kind, status, revision string) {
	t.Helper()
	require.NoError(t, p.cloud.ReportExecution(t.Context(), "cicd-"+p.name,
		`{"executionType": "`+kind+`", "status": "`+status+`", "sourceRevisions": [{"actionName": "Source", "revisionId": "`+revision+`"}]}`))
}

func (p *project) release(t *testing.T, version string) (string, error) {
	t.Helper()

	var said bytes.Buffer

	command := exec.CommandContext(t.Context(), filepath.Join(p.tree, ".tools", "release"), version, p.name)
	command.Env, command.Stdout, command.Stderr = p.environment, &said, &said
	err := command.Run()

	return said.String(), err
}
