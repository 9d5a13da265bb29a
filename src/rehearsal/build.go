package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/clockmirror/clockmirror/src/rehearsal/codebuild"
	"github.com/clockmirror/clockmirror/src/rehearsal/codepipeline"
)

// Where things are in a build's container.
const (
	outputFolder  = "/codebuild/output"
	stateFolder   = "/codebuild/rehearsal" // what one shell hands to the next
	repositoryAt  = "/rehearsal/repository.git"
	providersAt   = "/rehearsal/providers"
	terraformRcAt = "/rehearsal/terraform.rc"
)

// build is one run of a CodeBuild project.
type build struct {
	in        *Environment
	execution *Execution
	action    codepipeline.Action
	project   *codepipeline.Project
	role      *identity
	spec      *codebuild.Spec
	log       io.Writer
	// printed is what the log takes, for what is told in the table.
	printed bytes.Buffer
	// container is its name; source the folder of the primary source in it.
	container, source string
	// variables are the commands' environment.
	variables map[string]string
}

// build runs an action's project, as its role, in a fresh container.
func (e *Environment) build(ctx context.Context, execution *Execution, action codepipeline.Action, log io.Writer) (string, error) {
	b := &build{in: e, execution: execution, action: action, project: action.Project, container: fmt.Sprintf("%s-%s-%d-%s", imageName, e.id, execution.number, action.Name)}
	b.log = io.MultiWriter(log, &b.printed, &watcher{who: action.Name, on: e.progress})

	defer e.progress.does(action.Name, "")

	limited, cancel := context.WithTimeoutCause(ctx, action.Project.Timeout, fmt.Errorf("timed out after %s", action.Project.Timeout))
	defer cancel()

	err := b.run(limited)
	if limited.Err() != nil && ctx.Err() == nil {
		err = context.Cause(limited)
	}

	_, removal := e.engine.Run(context.WithoutCancel(ctx), "rm", "--force", "--volumes", b.container)

	return b.detail(), errors.Join(err, removal)
}

func (b *build) run(ctx context.Context) (err error) {
	if b.role, err = b.in.admin.assumeFor(ctx, codeBuild, b.project.RoleARN); err != nil {
		return err
	}

	primary, others, err := b.inputs(ctx)
	if err != nil {
		return err
	}

	if err = b.readSpec(ctx, primary.Commit); err != nil {
		return err
	}

	if err = b.environment(ctx, primary); err != nil {
		return err
	}

	if err = b.start(ctx); err != nil {
		return err
	}

	if err = b.fill(ctx, primary, others); err != nil {
		return err
	}

	failure := b.phases(ctx)

	if err = b.collect(ctx); err != nil {
		return errors.Join(failure, err)
	}

	if failure != nil {
		return failure
	}

	return b.upload(ctx)
}

// inputs gets the input artifacts as the project's role: the primary source to clone, and the files of the others.
func (b *build) inputs(ctx context.Context) (*reference, map[string]fs.FS, error) {
	main := b.action.Configuration["PrimarySource"]
	if main == "" && len(b.action.Inputs) > 0 {
		main = b.action.Inputs[0]
	}

	var primary *reference

	others := map[string]fs.FS{}

	for _, artifact := range b.action.Inputs {
		key, err := b.execution.artifact(artifact)
		if err != nil {
			return nil, nil, err
		}

		files, err := b.in.fetch(ctx, b.role, artifact, key)
		if err != nil {
			return nil, nil, err
		}

		if artifact != main {
			others[artifact] = files

			continue
		}

		if primary, err = readReference(files); err != nil {
			return nil, nil, err
		}
	}

	if primary == nil {
		return nil, nil, errors.New("the action has no input artifact to find its buildspec in")
	}

	return primary, others, nil
}

func (b *build) readSpec(ctx context.Context, commit string) error {
	content, err := b.in.commits.run(ctx, "show", commit+":"+b.project.Buildspec)
	if err != nil {
		return fmt.Errorf("find the buildspec: %w", err)
	}

	if b.spec, err = codebuild.Parse([]byte(content)); err != nil {
		return fmt.Errorf("%s: %w", b.project.Buildspec, err)
	}

	return nil
}

// environment puts the commands' variables together. Those of the pipeline win over those of the project, and these over those of
// the buildspec.
func (b *build) environment(ctx context.Context, primary *reference) error {
	given := []codepipeline.Variable{}

	for name, value := range b.spec.Env.Variables {
		given = append(given, codepipeline.Variable{Name: name, Value: value})
	}

	for name, value := range b.spec.Env.ParameterStore {
		given = append(given, codepipeline.Variable{Name: name, Value: value, Type: "PARAMETER_STORE"})
	}

	for name, value := range b.spec.Env.SecretsManager {
		given = append(given, codepipeline.Variable{Name: name, Value: value, Type: "SECRETS_MANAGER"})
	}

	given = append(given, b.project.Variables...)

	text, err := codepipeline.Resolve(b.action.Configuration["EnvironmentVariables"], b.execution.variables())
	if err != nil {
		return err
	}

	if text != "" {
		var fromPipeline []codepipeline.Variable
		if err = json.Unmarshal([]byte(text), &fromPipeline); err != nil {
			return fmt.Errorf("read the action's EnvironmentVariables: %w", err)
		}

		given = append(given, fromPipeline...)
	}

	b.source = path.Join(outputFolder, "src", path.Base(gitHosted))
	b.variables = b.in.standIns()
	maps.Copy(b.variables, b.codebuild(primary))

	for name, value := range b.role.environment() {
		if strings.HasPrefix(name, "AWS_") && name != "AWS_CA_BUNDLE" {
			b.variables[name] = value
		}
	}

	for _, variable := range given {
		value := variable.Value
		if variable.Type != "" && variable.Type != "PLAINTEXT" {
			if value, err = b.role.lookUp(ctx, variable.Type, value); err != nil {
				return err
			}
		}

		b.variables[variable.Name] = value
	}

	return nil
}

// codebuild are the variables that CodeBuild sets.
func (b *build) codebuild(primary *reference) map[string]string {
	id := fmt.Sprintf("%s:%s-%d", b.project.Name, b.in.id, b.execution.number)
	variables := map[string]string{
		"CODEBUILD_BUILD_ID":                id,
		"CODEBUILD_BUILD_ARN":               strings.Replace(b.project.ARN, "project/"+b.project.Name, "build/"+id, 1),
		"CODEBUILD_BUILD_NUMBER":            strconv.Itoa(b.execution.number),
		"CODEBUILD_INITIATOR":               "codepipeline/" + b.in.pipeline.Name,
		"CODEBUILD_RESOLVED_SOURCE_VERSION": primary.Commit,
		"CODEBUILD_SOURCE_VERSION":          primary.Commit,
		"CODEBUILD_SRC_DIR":                 b.source,
		"CODEBUILD_START_TIME":              strconv.FormatInt(time.Now().UnixMilli(), 10),
	}

	for _, artifact := range b.action.Inputs {
		if at := b.artifactFolder(artifact); at != b.source {
			variables["CODEBUILD_SRC_DIR_"+artifact] = at
		}
	}

	return variables
}

func (b *build) artifactFolder(artifact string) string {
	main := b.action.Configuration["PrimarySource"]
	if artifact == main || main == "" && artifact == b.action.Inputs[0] {
		return b.source
	}

	return path.Join(outputFolder, artifact)
}

// standIns are the variables that stand for what this machine does not have; see buildspec/README.md.
func (e *Environment) standIns() map[string]string {
	variables := map[string]string{
		"HOME": "/root", "IMAGE": e.image(), "TF_CLI_CONFIG_FILE": terraformRcAt, "CHECKPOINT_DISABLE": "1", "DOCKER_BUILDKIT": "1",
		"BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
	}

	if !e.vulnerabilities {
		variables["VULNERABILITIES_REQUIRED"] = ""
	}

	// The machine's own ways to the package registries.
	for _, name := range []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "GOPROXY", "GOSUMDB", "GONOSUMDB",
		"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL",
	} {
		if value, found := os.LookupEnv(name); found {
			variables[name] = value
		}
	}

	// The load balancer is on this machine, whatever its name says.
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		variables[name] = strings.TrimPrefix(variables[name]+",.elb.amazonaws.com", ",")
	}

	return variables
}

// start starts the container: a machine without state, but for what is cached, with Docker for a privileged project alone.
func (b *build) start(ctx context.Context) error {
	arguments := []string{
		"run", "--detach", "--init", "--name", b.container, "--label", b.in.engine.Label, "--network", "host",
		"--volume", b.in.commits.folder + ":" + repositoryAt + ":ro",
		"--volume", b.in.machine.terraform + ":/usr/local/bin/terraform:ro",
	}

	lent, err := b.in.terraform()
	if err != nil {
		return err
	}

	arguments = slices.Concat(arguments, lent, b.in.hosts())

	// All projects share what each of them could keep: caches of Go and Python hold whatever is asked for.
	if b.project.Cached {
		for _, pattern := range b.spec.Cache.Paths {
			folder, _ := doublestar.SplitPattern(pattern)
			volume := imageName + "-cache" + strings.ReplaceAll(folder, "/", "-")
			arguments = append(arguments, "--volume", volume+":"+folder)
		}
	}

	if b.project.Privileged {
		arguments = append(arguments, b.in.docker()...)
	}

	_, err = b.in.engine.Run(ctx, append(arguments, machineImage, "sleep", "infinity")...)

	return err
}

// terraform lends containers the providers that Terraform has on this machine.
func (e *Environment) terraform() ([]string, error) {
	providers, err := e.stacks.providers()
	if err != nil {
		return nil, err
	}

	var arguments, names []string

	for at, folder := range providers {
		arguments = append(arguments, "--volume", folder+":"+path.Join(providersAt, at)+":ro")
		names = append(names, fmt.Sprintf("%q", path.Join(strings.Split(at, "/")[:3]...)))
	}

	file := filepath.Join(e.folder, "terraform.rc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n  direct {\n    exclude = [%s]\n  }\n}\n",
		providersAt, strings.Join(names, ", "))

	if err = os.WriteFile(file, []byte(text), 0o644); err != nil { // read by whoever the container is
		return nil, fmt.Errorf("write Terraform's settings: %w", err)
	}

	return append(arguments, "--volume", file+":"+terraformRcAt+":ro"), nil
}

// docker lends a container this machine's Docker: client, plugins and engine.
func (e *Environment) docker() []string {
	arguments := []string{"--volume", e.machine.docker + ":/usr/local/bin/docker:ro"}

	if program, err := filepath.EvalSymlinks(e.machine.docker); err == nil {
		arguments[1] = program + ":/usr/local/bin/docker:ro"
	}

	home, _ := os.UserHomeDir()
	for _, plugins := range []string{
		filepath.Join(home, ".docker/cli-plugins"), "/usr/local/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins",
	} {
		if _, err := os.Stat(plugins); err == nil {
			arguments = append(arguments, "--volume", plugins+":/usr/local/lib/docker/cli-plugins:ro")

			break
		}
	}

	socket := strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://")
	if socket == "" {
		socket = "/var/run/docker.sock"
	}

	return append(arguments, "--volume", socket+":/var/run/docker.sock")
}

// fill puts the input artifacts into the container.
func (b *build) fill(ctx context.Context, primary *reference, others map[string]fs.FS) error {
	if _, err := b.in.engine.Run(ctx, "exec", b.container, "sh", "-ec", fmt.Sprintf(`
		mkdir -p %[1]s
		git -c safe.directory='*' clone --quiet --no-checkout %[2]s %[3]s
		git -C %[3]s -c advice.detachedHead=false checkout --quiet %[4]s
		echo %[3]s >%[1]s/folder`, stateFolder, repositoryAt, b.source, primary.Commit)); err != nil {
		return fmt.Errorf("clone the repository: %w", err)
	}

	for artifact, files := range others {
		var archive bytes.Buffer

		writer := tar.NewWriter(&archive)
		if err := errors.Join(writer.AddFS(files), writer.Close()); err != nil {
			return fmt.Errorf("unpack the artifact %s: %w", artifact, err)
		}

		folder := b.artifactFolder(artifact)
		if _, err := b.in.engine.RunWith(ctx, &archive, "exec", "--interactive", b.container,
			"sh", "-ec", "mkdir -p "+folder+" && tar -xC "+folder); err != nil {
			return fmt.Errorf("unpack the artifact %s: %w", artifact, err)
		}
	}

	return nil
}

// phases runs the buildspec's phases in their order.
func (b *build) phases(ctx context.Context) error {
	var failure error

	for _, phase := range b.spec.All() {
		if len(phase.Commands)+len(phase.Finally) == 0 {
			continue
		}

		b.variables["CODEBUILD_BUILD_SUCCEEDING"] = "1"
		if failure != nil {
			b.variables["CODEBUILD_BUILD_SUCCEEDING"] = "0"
		}

		fmt.Fprintf(b.log, "[rehearsal] entering phase %s\n", phase.Name)

		err := b.shell(ctx, phase.Commands)
		if err == nil || ctx.Err() == nil {
			err = errors.Join(err, b.shell(ctx, phase.Finally))
		}

		if err != nil {
			failure = errors.Join(failure, fmt.Errorf("phase %s: %w", phase.Name, err))

			if !phase.Next() || ctx.Err() != nil {
				return failure
			}
		}
	}

	return failure
}

// shell runs a list of commands in one shell.
func (b *build) shell(ctx context.Context, commands []string) error {
	if len(commands) == 0 {
		return nil
	}

	command := b.exec(ctx, b.spec.ShellName(), "-c", b.spec.Script(stateFolder, commands))
	command.Stdout, command.Stderr = b.log, b.log

	if err := command.Run(); err != nil {
		return fmt.Errorf("a command failed: %w", err)
	}

	return nil
}

// exec returns a command in the container, with the build's environment.
func (b *build) exec(ctx context.Context, program ...string) *exec.Cmd {
	arguments := []string{"exec"}
	for name := range b.variables {
		arguments = append(arguments, "--env", name) // its value is nobody's business who lists processes
	}

	command := b.in.engine.Command(ctx, slices.Concat(arguments, []string{b.container}, program)...)

	// The client's own: a build's variables must not lead it to another engine.
	for name, value := range b.variables {
		if name != "HOME" && name != "PATH" {
			command.Env = append(command.Env, name+"="+value)
		}
	}

	return command
}

// collect keeps what the build reports and exports, whatever became of it.
func (b *build) collect(ctx context.Context) error {
	for name, report := range b.spec.Reports {
		if count, err := b.copyOut(ctx, report.BaseDirectory, report.Files, b.reportFolder(name)); err != nil || count == 0 {
			fmt.Fprintf(b.log, "[rehearsal] the report %s has no files\n", name) // as CodeBuild does: no failure
		}
	}

	for _, name := range b.spec.Env.ExportedVariables {
		value, err := b.in.engine.Run(ctx, "exec", b.container, b.spec.ShellName(), "-c",
			fmt.Sprintf(`[ ! -f %[1]s/variables ] || . %[1]s/variables; printf %%s "$%[2]s"`, stateFolder, name))
		if err != nil {
			return fmt.Errorf("read the exported variable %s: %w", name, err)
		}

		b.execution.set(b.action, name, value)
	}

	return nil
}

// reportFolder is where a report is kept for people.
func (b *build) reportFolder(name string) string {
	return filepath.Join(b.in.logs, fmt.Sprintf("%d-%s-%s", b.execution.number, b.action.Name, name))
}

// artifactCopy is where the output artifact is put together.
func (b *build) artifactCopy() string {
	return filepath.Join(b.in.folder, fmt.Sprintf("artifact-%d-%s", b.execution.number, b.action.Name))
}

// upload stores the output artifacts, as the project's role.
func (b *build) upload(ctx context.Context) error {
	if len(b.action.Outputs) == 0 {
		return nil
	}

	if len(b.action.Outputs) > 1 {
		return errors.New("a rehearsal does not know secondary artifacts: give the action one output")
	}

	count, err := b.copyOut(ctx, b.spec.Artifacts.BaseDirectory, b.spec.Artifacts.Files, b.artifactCopy())
	if err != nil {
		return err
	}

	if count == 0 {
		return fmt.Errorf("no file is an artifact: none below %q matches %v", b.spec.Artifacts.BaseDirectory, b.spec.Artifacts.Files)
	}

	key, err := b.in.store(ctx, b.role, b.action.Outputs[0], os.DirFS(b.artifactCopy()))
	if err != nil {
		return err
	}

	b.execution.keep(b.action.Outputs[0], key)

	return nil
}

// copyOut copies the files below a folder that match one of the patterns, and returns how many there were.
func (b *build) copyOut(ctx context.Context, base string, patterns []string, to string) (int, error) {
	if base == "" {
		base = "."
	}

	if !path.IsAbs(base) {
		base = path.Join(b.source, base)
	}

	var archive, stderr bytes.Buffer

	command := b.in.engine.Command(ctx, "exec", b.container, "tar", "-cC", base, "--exclude=./.git", ".")
	command.Stdout, command.Stderr = &archive, &stderr

	if err := command.Run(); err != nil {
		return 0, fmt.Errorf("read %s: %w: %s", base, err, stderr.String())
	}

	count := 0

	for reader := tar.NewReader(&archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return count, nil
		}

		if err != nil {
			return count, fmt.Errorf("read %s: %w", base, err)
		}

		name := path.Clean(header.Name)
		matches := func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) }

		if header.Typeflag != tar.TypeReg || !slices.ContainsFunc(patterns, matches) {
			continue
		}

		if err = write(filepath.Join(to, filepath.FromSlash(name)), reader); err != nil {
			return count, err
		}

		count++
	}
}

func write(file string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(file), folderMode); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}

	target, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}

	_, err = io.Copy(target, content)

	return errors.Join(err, target.Close())
}

// plan is how Terraform sums a plan up.
var plan = regexp.MustCompile(`(?m)^(?:Plan: (.+)\.|(No changes)\..*)$`)

// detail is what a build has to tell: coverage, what Terraform planned, the size of the artifact, what it exports.
func (b *build) detail() string {
	var words []string

	if coverage, err := b.coverage(); err == nil {
		words = append(words, fmt.Sprintf("coverage %.0f %%", coverage))
	}

	if found := plan.FindAllStringSubmatch(plain(b.printed.String()), -1); found != nil {
		last := found[len(found)-1]
		words = append(words, "plan: "+strings.ToLower(last[1]+last[2]))
	}

	if size := sizeOf(b.artifactCopy()); size > megabyte/10 {
		words = append(words, fmt.Sprintf("%.1f MB", float64(size)/megabyte))
	}

	if b.spec != nil {
		for _, name := range b.spec.Env.ExportedVariables {
			words = append(words, shorten(b.execution.variables()[b.action.Namespace+"."+name]))
		}
	}

	return strings.Trim(strings.Join(words, "  "), " ")
}

const megabyte = 1e6

// digest is the checksum of an image.
var digest = regexp.MustCompile(`^(.*)sha256:([0-9a-f]{12})[0-9a-f]{52}$`)

// shorten leaves as much of an image's name as people look at.
func shorten(text string) string {
	parts := digest.FindStringSubmatch(text)
	if parts == nil {
		return text
	}

	if parts[1] != "" {
		parts[1] = "…@"
	}

	return parts[1] + "sha256:" + parts[2] + "…"
}

func sizeOf(folder string) (total int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			if info, err := entry.Info(); err == nil {
				total += info.Size()
			}
		}

		return nil
	})

	return total
}

// coverage is the share that a report of this build says was covered, in percent.
func (b *build) coverage() (float64, error) {
	if b.spec == nil {
		return 0, errors.New("there is no buildspec")
	}

	for name, report := range b.spec.Reports {
		if report.FileFormat != "COBERTURAXML" {
			continue
		}

		files, err := filepath.Glob(filepath.Join(b.reportFolder(name), "*"))
		if err != nil || len(files) == 0 {
			continue
		}

		content, err := os.ReadFile(files[0])
		if err != nil {
			return 0, fmt.Errorf("read the coverage: %w", err)
		}

		var document struct {
			Rate float64 `xml:"line-rate,attr"`
		}

		const percent = 100

		if err = xml.Unmarshal(content, &document); err != nil {
			return 0, fmt.Errorf("read the coverage: %w", err)
		}

		return document.Rate * percent, nil
	}

	return 0, errors.New("there is no report of coverage")
}
