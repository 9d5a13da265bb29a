package rehearsal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/clockmirror/clockmirror/src/rehearsal/proc"
)

// repository is a bare repository on disk, from which a rehearsal takes commits as the pipeline takes them from the Git host.
type repository struct{ folder string }

// openRepository makes the bare repository if need be.
func openRepository(ctx context.Context, folder string) (*repository, error) {
	r := &repository{folder: folder}

	if _, err := os.Stat(filepath.Join(folder, "HEAD")); err == nil {
		return r, nil
	}

	if output, err := proc.Git(ctx, "", "init", "--quiet", "--bare", folder).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make the repository %s: %w: %s", folder, err, output)
	}

	return r, nil
}

// run runs git in the repository.
func (r *repository) run(ctx context.Context, arguments ...string) (string, error) {
	output, err := proc.Git(ctx, "", append([]string{"--git-dir", r.folder}, arguments...)...).Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output wraps nothing
			detail = strings.TrimSpace(string(exit.Stderr))
		}

		return "", fmt.Errorf("git %s: %w: %s", arguments[0], err, detail)
	}

	return strings.TrimSpace(string(output)), nil
}

// take fetches a commit, and all tags, from another repository on this machine.
func (r *repository) take(ctx context.Context, from, commit string) error {
	_, err := r.run(ctx, "fetch", "--quiet", "--force", "--no-write-fetch-head", from, commit+":refs/heads/rehearsed", "refs/tags/*:refs/tags/*")

	return err
}

// checkOut puts the files of a commit into a folder, as a clone with its history.
func (r *repository) checkOut(ctx context.Context, commit, folder string) error {
	for _, arguments := range [][]string{
		{"clone", "--quiet", "--no-checkout", "--shared", r.folder, folder},
		{"-C", folder, "checkout", "--quiet", "--detach", commit},
	} {
		if output, err := proc.Git(ctx, "", arguments...).CombinedOutput(); err != nil {
			return fmt.Errorf("check out %s: %w: %s", commit, err, output)
		}
	}

	return nil
}

// ancestors are commits before one, nearest first; none before the first commit.
func (r *repository) ancestors(ctx context.Context, commit string, most int) ([]string, error) {
	found, err := r.run(ctx, "rev-list", "--first-parent", fmt.Sprintf("--max-count=%d", most+1), commit)
	if err != nil {
		return nil, err
	}

	return strings.Fields(found)[1:], nil
}

// changed are the files that differ between two commits; before the first commit, all of them.
func (r *repository) changed(ctx context.Context, from, to string) ([]string, error) {
	arguments := []string{"diff", "--name-only", from, to}
	if from == "" {
		arguments = []string{"ls-tree", "-r", "--name-only", to}
	}

	found, err := r.run(ctx, arguments...)

	return strings.FieldsFunc(found, func(r rune) bool { return r == '\n' }), err
}
