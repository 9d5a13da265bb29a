// Package new_test makes services with `make new`, and checks that what is made works and has no name but its own.
package new_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
	"github.com/clockmirror/clockmirror/tests/testkit"
)

func TestNew(t *testing.T) {
	t.Parallel()

	from := testkit.Clone(t)

	for name, more := range map[string][]string{"one endpoint": nil, "the example": {"EXAMPLE=clock"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			tree := filepath.Join(t.TempDir(), "payments")
			said, err := makeNew(t, from, nil, append(more, "NAME=payments", "MODULE=github.com/acme/payments", "INTO="+tree, "OWNER=Acme & Söhne")...)
			require.NoError(t, err, said)
			assert.Contains(t, said, "new: payments is in "+tree+", one commit")

			testMade(t, tree, more == nil)

			if more == nil {
				testWithout(t, tree, "clock", "shout", "customers")
			}
		})
	}

	// The shortest name and the longest, a module whose path sorts and wraps otherwise, and no holder of the copyright; each with another part.
	for name, other := range map[string]struct{ module, with, without string }{
		"ab":        {"a.io/b", "shout", "customers"},
		"my-longes": {"code.an-organisation.example.com/a-platform/a-team/clockmirror/my-longes/v2", "customers", "shout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			module, tree := other.module, filepath.Join(t.TempDir(), "other")
			said, err := makeNew(t, from, nil, "NAME="+name, "MODULE="+module, "INTO="+tree, "WITH="+other.with)
			require.NoError(t, err, said)
			testWithout(t, tree, "clock", other.without)
			testProgram(t, tree, "./src/api", "./src/config", "./src/cmd/...", "./tests/kubernetes/chart")
			run(t, tree, "go", "vet", "./tests/...")
			assert.Contains(t, read(t, tree, "LICENSE"), "The "+name+" authors\n")
			assert.Contains(t, read(t, tree, "go.mod"), "module "+module+"\n")
			assert.Contains(t, read(t, tree, "src", "telemetry", "metrics.go"), `"`+strings.ReplaceAll(name, "-", "_")+`_build_info"`)
			testFormat(t, tree)
			testStack(t, tree, "cicd", "-filter=tests/sizes.tftest.hcl") // policies have a limit too
		})
	}

	t.Run("a list that does not fit the tree any more", func(t *testing.T) {
		t.Parallel()

		clone, folder := testkit.Clone(t), t.TempDir()
		testkit.Git(t, clone, "rm", "--quiet", "-r", "src/greeting")
		testkit.Git(t, clone, "commit", "--quiet", "--message", "Remove it")

		said, err := makeNew(t, clone, nil, "NAME=payments", "MODULE=github.com/acme/payments", "INTO="+filepath.Join(folder, "payments"))
		require.Error(t, err)
		assert.Contains(t, said, "leave-out: customers: there is no src/greeting")

		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		assert.Empty(t, left, "something is left behind")
	})

	t.Run("refusals", func(t *testing.T) {
		t.Parallel()
		testRefusals(t, from)
	})
}

// good are the variables of a call that is in order, but for INTO.
func good() map[string]string {
	return map[string]string{"NAME": "payments", "MODULE": "github.com/acme/payments", "EXAMPLE": "", "WITH": ""}
}

func testRefusals(t *testing.T, from string) {
	t.Helper()

	const letters = "is not lower-case letters, digits and single hyphens, starting with a letter"

	signing := filepath.Join(t.TempDir(), "gitconfig")
	require.NoError(t, os.WriteFile(signing, []byte("[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = false\n"), 0o600))

	for name, test := range map[string]struct {
		variables   map[string]string // instead of the good ones
		environment []string
		want        string
	}{
		"no name":             {variables: map[string]string{"NAME": ""}, want: "give NAME=…"},
		"no module":           {variables: map[string]string{"MODULE": ""}, want: "give MODULE=…"},
		"no folder":           {variables: map[string]string{"INTO": ""}, want: "give INTO=…"},
		"no such example":     {variables: map[string]string{"EXAMPLE": "shop"}, want: "there is no example 'shop': give EXAMPLE=clock"},
		"no such part":        {variables: map[string]string{"WITH": "shout,clock"}, want: "there is no part 'clock': give WITH=… of shout and customers"},
		"both":                {variables: map[string]string{"EXAMPLE": "clock", "WITH": "shout"}, want: "EXAMPLE=clock keeps everything: give WITH=… without it"},
		"a capital":           {variables: map[string]string{"NAME": "Payments"}, want: "the name 'Payments' " + letters},
		"an underscore":       {variables: map[string]string{"NAME": "my_service"}, want: "the name 'my_service' " + letters},
		"a digit first":       {variables: map[string]string{"NAME": "3d"}, want: "the name '3d' " + letters},
		"a hyphen last":       {variables: map[string]string{"NAME": "pay-"}, want: "the name 'pay-' " + letters},
		"two hyphens":         {variables: map[string]string{"NAME": "pay--in"}, want: "the name 'pay--in' " + letters},
		"a path":              {variables: map[string]string{"NAME": "../pay"}, want: "the name '../pay' " + letters},
		"one letter":          {variables: map[string]string{"NAME": "p"}, want: "the name 'p' is too short"},
		"a taken name":        {variables: map[string]string{"NAME": "rehearse"}, want: "the name 'rehearse' is taken"},
		"40 characters":       {variables: map[string]string{"NAME": strings.Repeat("p", 40)}, want: "29 characters too long: the target group of an environment is called "},
		"12 characters":       {variables: map[string]string{"NAME": "payments-api"}, want: "1 characters too long: the target group of an environment is called payments-api-xxxxxxxxxxxxxxxx-api, and AWS allows 32"},
		"10 characters":       {variables: map[string]string{"NAME": "my-service"}, want: "1 characters too long: the bucket of an environment's access logs is called "},
		"a module of no host": {variables: map[string]string{"MODULE": "payments"}, want: "the module path 'payments' does not begin with a host"},
		"a module with a bar": {variables: map[string]string{"MODULE": "github.com/acme/a|b"}, want: "Go does not allow the module path 'github.com/acme/a|b': malformed module path"},
		"version 1":           {variables: map[string]string{"MODULE": "github.com/acme/a/v1"}, want: "Go does not allow the module path 'github.com/acme/a/v1': "},
		"a folder that is there": {
			variables: map[string]string{"INTO": t.TempDir()}, want: "is there already: choose another folder, or remove it",
		},
		"a folder in none": {variables: map[string]string{"INTO": "/nowhere/payments"}, want: "there is no folder /nowhere to make payments in"},
		"no Git identity": {
			environment: []string{"GIT_AUTHOR_NAME=", "GIT_AUTHOR_EMAIL=", "GIT_COMMITTER_NAME=", "GIT_COMMITTER_EMAIL="},
			want:        "Git does not know who commits: git config --global user.name",
		},
		// Late, when everything but the commit is made.
		"a commit that can't be signed": {
			environment: []string{"GIT_CONFIG_GLOBAL=" + signing},
			want:        "gpg failed to sign",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			folder := t.TempDir()
			variables := good()
			variables["INTO"] = filepath.Join(folder, "payments")

			arguments := make([]string, 0, len(variables))

			for key, value := range variables {
				if other, is := test.variables[key]; is {
					value = other
				}

				arguments = append(arguments, key+"="+value)
			}

			said, err := makeNew(t, from, test.environment, arguments...)
			require.Error(t, err)
			assert.Contains(t, said, test.want)

			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Empty(t, left, "something is left behind")
		})
	}
}

// makeNew runs `make new` in a repository, by somebody whom Git knows, and returns what it says.
func makeNew(t *testing.T, from string, environment []string, variables ...string) (string, error) {
	t.Helper()

	command := exec.CommandContext(t.Context(), "make", append([]string{"new"}, variables...)...)
	command.Dir, command.Env = from, slices.Concat(proc.Git(t.Context(), from).Env, environment)

	output, err := command.CombinedOutput()

	return string(output), err
}

func read(t *testing.T, path ...string) string {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)

	return string(content)
}
