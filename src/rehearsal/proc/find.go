package proc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Find returns the path of the first of the named programs that is on the PATH.
func Find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}

	return "", fmt.Errorf("%s is missing", names[0])
}

// Tool returns the path of a tool that .tools/NAME.mod of the repository at root pins: the toolbox's, or Go builds it when it is first used.
func Tool(ctx context.Context, root, name string) (string, error) {
	return Script(ctx, root, "go-tool", "--path", name)
}

// Script runs .tools/NAME of the repository at root, and returns its trimmed standard output.
func Script(ctx context.Context, root, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(root, ".tools", name), arguments...)
	command.Dir = root

	var complaint strings.Builder

	command.Stderr = &complaint

	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("run .tools/%s: %w: %s", strings.Join(append([]string{name}, arguments...), " "), err, complaint.String())
	}

	return strings.TrimSpace(string(output)), nil
}

// Venv returns the folder of the programs that the packages of a requirements file bring, in a virtual environment of python
// below folder. The file has a hash for every package. An environment is named after the file's content, so it is made once,
// and anew when a requirement changes; parallel callers wait for the first. log takes what pip prints.
func Venv(ctx context.Context, python, requirements, folder string, log io.Writer) (string, error) {
	content, err := os.ReadFile(requirements)
	if err != nil {
		return "", fmt.Errorf("read the requirements: %w", err)
	}

	checksum := sha256.Sum256(content)
	venv := filepath.Join(folder, hex.EncodeToString(checksum[:8]))

	unlock, err := Lock(ctx, venv+".lock")
	if err != nil {
		return "", fmt.Errorf("wait for another installation: %w", err)
	}

	defer unlock()

	bin, installed := filepath.Join(venv, "bin"), filepath.Join(venv, "installed")
	if _, err = os.Stat(installed); err == nil {
		return bin, nil
	}

	for _, arguments := range [][]string{
		{python, "-m", "venv", "--clear", venv},
		{filepath.Join(bin, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", requirements},
	} {
		command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
		command.Stdout, command.Stderr = log, log

		if err = command.Run(); err != nil {
			return "", fmt.Errorf("install the Python packages of %s: %w", filepath.Base(requirements), err)
		}
	}

	if err = os.WriteFile(installed, nil, 0o600); err != nil {
		return "", fmt.Errorf("note that the installation is complete: %w", err)
	}

	return bin, nil
}

// In returns the ids of the processes that work in a folder.
func In(folder string) []int {
	var found []int

	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is right
	for _, link := range links {
		if at, err := os.Readlink(link); err != nil || !strings.HasPrefix(at, folder) {
			continue // it has ended, or belongs to another user
		}

		if number, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			found = append(found, number)
		}
	}

	return found
}

// Lock waits until nothing else holds the lock of a file, which it makes, with its folder, if there is none. Call unlock at the end.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	const pause = 100 * time.Millisecond

	if err = os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make a folder for the lock %s: %w", path, err)
	}

	lock := flock.New(path)
	if _, err = lock.TryLockContext(ctx, pause); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}

	return func() { _ = lock.Unlock() }, nil
}
