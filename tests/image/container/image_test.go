package container_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clockmirror/clockmirror/tests/testkit"
)

const (
	program      = "clockmirror"
	certificates = "etc/ssl/certs/ca-certificates.crt"
	notices      = "THIRD_PARTY_NOTICES"
)

// image is what `docker save` and `docker image inspect` tell of an image.
type image struct {
	files map[string]file
	// saved is the size of `docker save IMAGE | gzip -9`.
	saved int

	ID           string `json:"Id"`
	Architecture string `json:"Architecture"`
	RootFS       struct {
		Layers []string `json:"Layers"`
	} `json:"RootFS"`
	Config struct {
		User         string              `json:"User"`
		Entrypoint   []string            `json:"Entrypoint"`
		Cmd          []string            `json:"Cmd"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Labels       map[string]string   `json:"Labels"`
		Healthcheck  struct {
			Test     []string      `json:"Test"`
			Interval time.Duration `json:"Interval"`
		} `json:"Healthcheck"`
	} `json:"Config"`
}

type file struct {
	mode    int64
	changed time.Time
	content []byte
}

// open reads an image.
func open(t *testing.T, docker *testkit.Engine, name string) image {
	t.Helper()

	var inspected []image
	require.NoError(t, json.Unmarshal([]byte(docker.Run(t, "image", "inspect", name)), &inspected))
	require.Len(t, inspected, 1)

	command := docker.Command(t.Context(), "save", name)

	pipe, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())

	size := new(counter)
	compressor := exec.CommandContext(t.Context(), testkit.Program(t, "install gzip", "gzip"), "-9")
	compressor.Stdout = size

	input, err := compressor.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, compressor.Start())

	entries := untar(t, io.TeeReader(pipe, input))
	require.NoError(t, command.Wait())
	require.NoError(t, input.Close())
	require.NoError(t, compressor.Wait())

	var manifests []struct {
		Layers []string `json:"Layers"`
	}

	require.NoError(t, json.Unmarshal(entries["manifest.json"].content, &manifests))
	require.Len(t, manifests, 1)

	result := inspected[0]
	result.saved, result.files = int(*size), map[string]file{}

	for _, layer := range manifests[0].Layers {
		content := entries[layer].content
		if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) { // some engines keep layers compressed
			unzipped, err := gzip.NewReader(bytes.NewReader(content))
			require.NoError(t, err)
			content, err = io.ReadAll(unzipped)
			require.NoError(t, err)
		}

		maps.Copy(result.files, untar(t, bytes.NewReader(content)))
	}

	return result
}

// untar returns what an archive has, without its folders.
func untar(t *testing.T, source io.Reader) map[string]file {
	t.Helper()

	files := map[string]file{}

	archive := tar.NewReader(source)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, source) // the padding at the end counts as well
			require.NoError(t, err)

			return files
		}

		require.NoError(t, err)

		if header.Typeflag == tar.TypeDir {
			continue
		}

		content, err := io.ReadAll(archive)
		require.NoError(t, err)

		files[path.Clean(header.Name)] = file{mode: header.Mode & 0o777, changed: header.ModTime, content: content}
	}
}

// counter is a writer that only counts.
type counter int

func (c *counter) Write(data []byte) (int, error) {
	*c += counter(len(data))

	return len(data), nil
}

func testContents(t *testing.T, _ *testkit.Engine, _ string, built image) {
	t.Helper()

	names := make([]string, 0, len(built.files))
	unpacked := 0

	for name, found := range built.files {
		names = append(names, name)
		unpacked += len(found.content)
	}

	assert.ElementsMatch(t, []string{program, certificates, notices}, names, "files in the image")
	assert.EqualValues(t, 0o755, built.files[program].mode)
	assert.EqualValues(t, 0o644, built.files[certificates].mode)
	assert.True(t, x509.NewCertPool().AppendCertsFromPEM(built.files[certificates].content), "no certificate in the bundle")

	for _, module := range []string{"== github.com/gin-gonic/gin@v", "== go.opentelemetry.io/otel@v", "Copyright 2009 The Go Authors."} {
		assert.Contains(t, string(built.files[notices].content), module, "the notices of what it is made of")
	}

	t.Logf("%.2f MB unpacked, %.2f MB as docker save | gzip -9", float64(unpacked)/1e6, float64(built.saved)/1e6)
	assert.LessOrEqual(t, unpacked, 28_000_000, "bytes unpacked")
	assert.LessOrEqual(t, built.saved, 10_000_000, "bytes of docker save | gzip -9")
}

func testConfiguration(t *testing.T, docker *testkit.Engine, name string, built image) {
	t.Helper()

	config := built.Config
	assert.Equal(t, "65532:65532", config.User)
	assert.Equal(t, []string{"/clockmirror"}, config.Entrypoint)
	assert.Empty(t, config.Cmd)
	assert.Equal(t, map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}}, config.ExposedPorts)
	assert.Equal(t, []string{"CMD", "/clockmirror", "healthcheck"}, config.Healthcheck.Test, "in exec form: there is no shell")

	labels := config.Labels
	assert.Equal(t, "clockmirror", labels["org.opencontainers.image.title"])
	assert.Equal(t, "https://github.com/clockmirror/clockmirror", labels["org.opencontainers.image.source"])
	assert.Equal(t, "MIT", labels["org.opencontainers.image.licenses"])
	assert.Regexp(t, `^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`, labels["org.opencontainers.image.version"])
	assert.Regexp(t, `^([0-9a-f]{40}|unknown)$`, labels["org.opencontainers.image.revision"])

	created, err := time.Parse(time.RFC3339, labels["org.opencontainers.image.created"])
	require.NoError(t, err)
	assert.True(t, created.Equal(built.files[program].changed), "files are as old as the commit: %s, %s", created, built.files[program].changed)

	assert.Equal(t,
		"clockmirror "+labels["org.opencontainers.image.version"]+", revision "+labels["org.opencontainers.image.revision"]+
			" of "+labels["org.opencontainers.image.created"],
		docker.Run(t, "run", "--rm", name, "version"), "the program says what the labels say")
}

// testReproducible builds the same commit twice, the second time without anything that an earlier build has left: --no-cache
// empties the cache mounts as well.
func testReproducible(t *testing.T, docker *testkit.Engine) {
	t.Helper()

	one := open(t, docker, docker.Build(t))
	two := open(t, docker, docker.Build(t, "DOCKER_BUILD_FLAGS=--no-cache"))

	assert.True(t, bytes.Equal(one.files[program].content, two.files[program].content), "two builds made different programs")
	assert.Equal(t, one.RootFS.Layers, two.RootFS.Layers, "layer digests")

	// Docker 24 has the first BuildKit that takes the image's own time from SOURCE_DATE_EPOCH.
	const knows = 24

	major, _, _ := strings.Cut(docker.Run(t, "version", "--format", "{{.Server.Version}}"), ".")
	if number, err := strconv.Atoi(major); err == nil && number >= knows {
		assert.Equal(t, one.ID, two.ID, "image ids")
	} else {
		t.Logf("Docker %s stamps images with the time of the build, so their ids differ", major)
	}
}

func testPlatforms(t *testing.T, docker *testkit.Engine) {
	t.Helper()

	for architecture, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		t.Run(architecture, func(t *testing.T) {
			built := open(t, docker, docker.Build(t, "PLATFORM=linux/"+architecture))
			assert.Equal(t, architecture, built.Architecture)

			parsed, err := elf.NewFile(bytes.NewReader(built.files[program].content))
			require.NoError(t, err)
			assert.Equal(t, machine, parsed.Machine)
			assert.NotContains(t, sections(parsed), ".interp", "it is linked dynamically, and there is no linker")
		})
	}
}

func sections(parsed *elf.File) []string {
	names := make([]string, 0, len(parsed.Sections))
	for _, section := range parsed.Sections {
		names = append(names, section.Name)
	}

	return names
}

// testContext makes an image of all that .dockerignore lets in.
func testContext(t *testing.T, docker *testkit.Engine) {
	t.Helper()

	name := testkit.Unique()
	docker.RemoveAfter(t, "image", name)

	_, err := docker.RunWith(t.Context(), strings.NewReader("FROM scratch\nCOPY . /\n"), "build", "--tag", name, "--file", "-", testkit.Root(t))
	require.NoError(t, err)

	files := open(t, docker, name).files
	assert.Contains(t, files, "go.mod")
	assert.Contains(t, files, "go.sum")
	assert.Contains(t, files, "src/cmd/clockmirror/main.go")

	for name := range files {
		assert.Regexp(t, `^(go\.mod$|go\.sum$|src/)`, name, "the build does not need it")
		assert.NotRegexp(t, `^src/(cmd/)?rehears`, name, "the service's build does not read the rehearsal")
	}
}

// testFresh has an engine without a cache read a tree in which no command has run yet: Docker 20.10 refuses a pattern in a folder that is not there.
func testFresh(t *testing.T, docker *testkit.Engine) {
	t.Helper()
	docker.Run(t, "build", "--no-cache", "--target", "compiled", testkit.Clone(t))
}

// testFailingTest builds a tree in which a unit test fails.
func testFailingTest(t *testing.T, docker *testkit.Engine) {
	t.Helper()

	tree := testkit.Clone(t)
	require.NoError(t, os.WriteFile(path.Join(tree, "src/echo/broken_test.go"),
		[]byte("package echo\n\nimport \"testing\"\n\nfunc TestBroken(t *testing.T) { t.Fatal(\"broken on purpose\") }\n"), 0o600))

	name := testkit.Unique()
	docker.RemoveAfter(t, "image", name)

	output, err := docker.Command(t.Context(), "build", "--tag", name, tree).CombinedOutput()
	require.Error(t, err, "an image was built from a tree whose tests fail")
	assert.Contains(t, string(output), "broken on purpose")

	_, err = docker.Command(context.WithoutCancel(t.Context()), "image", "inspect", name).CombinedOutput()
	assert.Error(t, err, "there is an image all the same")
}
