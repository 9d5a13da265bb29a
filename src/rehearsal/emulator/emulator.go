// Package emulator runs an AWS emulator of the project's own on this machine: moto, pinned in requirements.txt, in a
// virtual environment under .build, with the patches in the Python files beside this one.
package emulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// Region is where the emulator's caller works unless told otherwise.
const Region = "eu-west-1"

const (
	startTimeout = 90 * time.Second
	pollInterval = 100 * time.Millisecond
)

// ErrNotReady says that the emulator did not come up.
var ErrNotReady = errors.New("the AWS emulator did not come up")

// ErrRefused says that the emulator did not do what it was asked for.
var ErrRefused = errors.New("the AWS emulator refuses")

// Emulator is a running emulator. Everything in it is gone when it stops.
type Emulator struct {
	url            string
	connectionsURL string
	bin            string
	process        *proc.Process
	authorizer     *http.Server
}

// Start makes the virtual environment if need be, starts an emulator on free ports, and waits until it answers. root is the
// repository, python a Python 3 interpreter, log takes what the emulator prints; variables, such as EMULATOR_REGISTRY=…,
// are explained in the Python files that read them. It ends with Stop, or with ctx.
func Start(ctx context.Context, root, python string, log io.Writer, variables ...string) (*Emulator, error) {
	sources := filepath.Join(root, "src", "rehearsal", "emulator")

	bin, err := proc.Venv(ctx, python, filepath.Join(sources, "requirements.txt"), filepath.Join(cmp.Or(os.Getenv("TOOLBOX"), filepath.Join(root, ".build")), "emulator"), log)
	if err != nil {
		return nil, fmt.Errorf("install the AWS emulator: %w", err)
	}

	free, err := proc.Free(ctx, 2)
	if err != nil {
		return nil, fmt.Errorf("find ports for the AWS emulator: %w", err)
	}

	command := exec.CommandContext(ctx, filepath.Join(bin, "python"), filepath.Join(sources, "serve.py"), strconv.Itoa(free[0]), strconv.Itoa(free[1]))
	command.Stdout, command.Stderr = log, log

	authorizer, authorizerURL, err := startAuthorizer(ctx)
	if err != nil {
		return nil, err
	}

	command.Env = append(slices.Concat(os.Environ(), variables),
		"EMULATOR_AUTHORIZER="+authorizerURL,
		"MOTO_IAM_LOAD_MANAGED_POLICIES=true",
		"PYTHONDONTWRITEBYTECODE=1",
	)

	process, err := proc.Start(command)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the AWS emulator: %w", err), authorizer.Close())
	}

	emulator := &Emulator{
		url:            fmt.Sprintf("http://127.0.0.1:%d", free[0]),
		connectionsURL: fmt.Sprintf("http://127.0.0.1:%d", free[1]),
		bin:            bin,
		process:        process,
		authorizer:     authorizer,
	}

	limited, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	if err = process.Await(limited, pollInterval, func() error { return proc.Answers(limited, http.DefaultClient, emulator.url+"/moto-api/") }); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNotReady, err), emulator.Stop())
	}

	return emulator, nil
}

// Stop ends the emulator.
func (e *Emulator) Stop() error {
	return errors.Join(e.process.Stop(), e.authorizer.Close())
}

// URL is the endpoint of every service but the connections'.
func (e *Emulator) URL() string { return e.url }

// Config is what the SDK needs to call the emulator with these credentials.
func (e *Emulator) Config(as aws.Credentials) aws.Config {
	return aws.Config{Region: Region, BaseEndpoint: aws.String(e.url), Credentials: credentials.StaticCredentialsProvider{Value: as}}
}

// Owner is Config for the account's owner, who may do everything.
func (e *Emulator) Owner() aws.Config {
	return e.Config(aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"})
}

// Environment is a copy of an environment, in the form of [os.Environ], in which AWS's SDKs, its CLI and Terraform talk to
// the emulator and to nothing else.
func (e *Emulator) Environment(environ []string) map[string]string {
	environment := map[string]string{}

	for _, variable := range environ {
		if key, value, _ := strings.Cut(variable, "="); !strings.HasPrefix(key, "AWS_") {
			environment[key] = value
		}
	}

	maps.Copy(environment, map[string]string{
		"AWS_ENDPOINT_URL":                        e.url,
		"AWS_ENDPOINT_URL_CODECONNECTIONS":        e.connectionsURL,
		"AWS_ENDPOINT_URL_CODESTAR_CONNECTIONS":   e.connectionsURL,
		"AWS_ENDPOINT_URL_CODESTAR_NOTIFICATIONS": e.connectionsURL,
		"AWS_ACCESS_KEY_ID":                       "test",
		"AWS_SECRET_ACCESS_KEY":                   "test",
		"AWS_REGION":                              Region,
		"AWS_DEFAULT_REGION":                      Region,
		"AWS_CONFIG_FILE":                         os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE":             os.DevNull,
		"AWS_EC2_METADATA_DISABLED":               "true",
		"AWS_PAGER":                               "",
		// A gap in the emulator answers 500; the provider would try 25 times.
		"AWS_MAX_ATTEMPTS": "3",
		// The AWS CLI is installed beside the emulator.
		"PATH": e.bin + string(os.PathListSeparator) + environment["PATH"],
	})

	return environment
}

// Environ is Environment in the form of [os.Environ].
func (e *Emulator) Environ(environ []string) []string {
	var variables []string
	for name, value := range e.Environment(environ) {
		variables = append(variables, name+"="+value)
	}

	return variables
}

// Enforce switches on that every call needs credentials whose policies allow its action, or off again. Roles are best
// assumed before, as that is a call too.
func (e *Emulator) Enforce(ctx context.Context, on bool) error {
	unchecked := "inf"
	if on {
		unchecked = "0"
	}

	if err := post(ctx, e.url+"/moto-api/reset-auth", "Content-Type", "text/plain", unchecked); err != nil {
		return fmt.Errorf("have the AWS emulator check permissions: %w", err)
	}

	return nil
}

// ConfirmConnection does what a person does in AWS's console to a connection to a Git host.
func (e *Emulator) ConfirmConnection(ctx context.Context, arn string) error {
	body := fmt.Sprintf(`{"ConnectionArn": %q, "ConnectionStatus": "AVAILABLE"}`, arn)

	if err := post(ctx, e.connectionsURL, "X-Amz-Target", "CodeConnections_20231201.UpdateConnectionStatus", body); err != nil {
		return fmt.Errorf("confirm the connection %s: %w", arn, err)
	}

	return nil
}

func post(ctx context.Context, url, header, value, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the emulator: %w", err)
	}

	request.Header.Set(header, value)

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the emulator: %w", err)
	}

	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("read the emulator's answer: %w", err)
	}

	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: it answers %s", ErrRefused, response.Status)
	}

	return nil
}
